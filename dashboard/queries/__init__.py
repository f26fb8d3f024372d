"""One module per page: a look at the store and the filters in, a frozen frame of what the page shows out."""
