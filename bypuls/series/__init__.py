"""Series: streams summed up over windows, on one time axis."""
