"""The confinement of commands: what runs code of a repository sees and writes only what its profile names.

``profile.Profile`` says what; ``wrapping.command`` makes an argv of it (bubblewrap on Linux, Seatbelt on macOS);
``probing.available`` tells what a machine lacks for it; ``home`` names what of the user's home tools need;
``proxy`` is the only way out to the network. Nothing here knows sessions, agents or settings.
"""
