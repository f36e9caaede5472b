//! Who runs what: the fleet file, generators, templates, projects and destinations.
