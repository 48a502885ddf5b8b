"""Problems of maps, found by examining the files themselves."""
