"""Lists of users as tools pull them: which rows and columns, in which format, by page or as a stream."""
