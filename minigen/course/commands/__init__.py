"""The commands of `minigen`, one file each."""
