"""Making the models that ship, from labelled data: `tocsin screen build DATA`. Nothing here runs on a watch floor."""
