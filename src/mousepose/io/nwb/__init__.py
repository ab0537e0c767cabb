"""Results as Neurodata Without Borders (NWB) with the extension ndx-pose: the files of archives."""
