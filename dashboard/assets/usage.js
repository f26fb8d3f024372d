// What only a browser knows: the clock, the colour scheme, whether the tab is seen, and the grid's cache.
(function () {
  "use strict";

  const PACE = { off: 0, "5 s": 2000, "30 s": 30000 };
  const NEVER = 2147483647;
  const skip = () => window.dash_clientside.no_update;
  const darkScreen = window.matchMedia("(prefers-color-scheme: dark)");

  const resolved = (choice) => (choice === "auto" ? (darkScreen.matches ? "dark" : "light") : choice);
  const choiceOf = () => {
    try {
      return localStorage.getItem("usage-scheme") || "auto";
    } catch (error) {
      return "auto";
    }
  };

  const ago = (seconds) => {
    for (const [length, unit] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
      if (seconds >= length) return `${Math.floor(seconds / length)} ${unit} ago`;
    }
    return `${Math.max(0, Math.floor(seconds))} s ago`;
  };

  const gridApi = () => {
    try {
      return window.dash_ag_grid.getApi("requests-grid");
    } catch (error) {
      return null;
    }
  };

  let searchShown = null;

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    usage: {
      beat: () => (document.hidden ? skip() : Date.now()),
      pace: (choice) => [PACE[choice] || NEVER, !PACE[choice]],
      freshness: (_seconds, lastCall) => {
        if (lastCall === undefined || lastCall === null) return "";
        if (lastCall === "") return "no calls yet";
        return `last call ${ago((Date.now() - Date.parse(lastCall)) / 1000)}`;
      },
      scheme: (choice) => {
        try {
          localStorage.setItem("usage-scheme", choice);
        } catch (error) {
          /* storage may be off */
        }
        const name = resolved(choice);
        document.documentElement.setAttribute("data-mantine-color-scheme", name);
        return [name, name];
      },
      drawers: (_menu, _open, _close, _shade, _path, shown) => {
        const by = window.dash_clientside.callback_context.triggered_id;
        const now = shown || "shell";
        if (by === "burger") return now.includes("menu-open") ? "shell" : "shell menu-open";
        return by === "filter-open" ? "shell filters-open" : "shell";
      },
      refreshGrid: (search) => {
        const api = gridApi();
        if (!api) return;
        if (search !== searchShown) {
          api.deselectAll();
          api.purgeInfiniteCache();
        } else {
          api.refreshInfiniteCache();
        }
        searchShown = search;
      },
      openRow: (rows) => {
        if (rows && rows.length) window.dash_clientside.set_props("url", { hash: `#${rows[0].event_key}` });
      },
      closeRow: (opened) => {
        if (opened || !window.location.hash) return;
        const api = gridApi();
        if (api) api.deselectAll();
        window.dash_clientside.set_props("url", { hash: "" });
      },
    },
  });

  document.addEventListener("visibilitychange", () => {
    const refreshes = document.querySelector("#refresh-choice input:checked");
    if (!document.hidden && refreshes && refreshes.value !== "off") {
      window.dash_clientside.set_props("beat", { data: Date.now() });
    }
  });

  darkScreen.addEventListener("change", () => {
    if (choiceOf() !== "auto") return;
    const name = resolved("auto");
    window.dash_clientside.set_props("scheme", { data: name });
    window.dash_clientside.set_props("mantine", { forceColorScheme: name });
  });

  // A filter's values are asked for when its list is about to open.
  const opened = [];
  document.addEventListener("focusin", (event) => {
    const box = event.target.closest && event.target.closest(".choice");
    const name = box && (box.querySelector("[id^='filter-']") || box).id.replace("filter-", "");
    if (!name || opened.includes(name)) return;
    opened.push(name);
    window.dash_clientside.set_props("filter-opened", { data: [...opened] });
  });

  document.addEventListener("keydown", (event) => {
    const shell = document.getElementById("shell");
    if (event.key !== "Escape" || !shell || shell.className === "shell") return;
    const opener = shell.classList.contains("menu-open") ? "burger" : "filter-open";
    window.dash_clientside.set_props("shell", { className: "shell" });
    document.getElementById(opener).focus();
  });
})();
