"""Where people work: callbacks, magics and exporters."""
