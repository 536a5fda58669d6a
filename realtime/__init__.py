"""Frames, time, files, cameras and windows: everything of Pincel that is not a tensor."""
