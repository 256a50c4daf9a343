"""Error codes B51x to B53x: boards, their links, stimulation and the emulated board."""

from __future__ import annotations

from bioasm.diagnostics.code import Code

BOARD_CODES: dict[str, Code] = {
    "B510": Code(
        "no board answered",
        "The port could be opened, but no device on it answered in the link protocol: wrong device, no power, wrong firmware, "
        "or wrong baud rate. docs/link.md describes the protocol.",
    ),
    "B511": Code(
        "port can't be opened",
        "The serial port does not exist, you lack the permission to use it, or another program has it open.",
    ),
    "B512": Code(
        "no common protocol version",
        "The board's firmware and this program use different versions of the link protocol. The message names both.",
    ),
    "B513": Code(
        "board is busy",
        "Another host has a session with the board. A session ends when its host closes it, or 2 s after its last message.",
    ),
    "B514": Code(
        "board refused",
        "The board refused a request. The message names the limit or state that prevents it, and the value.",
    ),
    "B515": Code(
        "damaged transfer",
        "Data arrived completely but do not match their announcement. Transmission errors are detected by other means, so this "
        "is a defect of the firmware.",
    ),
    "B516": Code("board did not answer", "The board is connected and alive, but did not reply to a request in time."),
    "B517": Code(
        "value does not fit the link",
        "A number or list of a request is larger than the field of the message that carries it. docs/link.md has the fields.",
    ),
    "B520": Code(
        "stimulation refused by the interlock",
        "A pulse would exceed a limit of safe stimulation. The message names the limit, the value, and the allowed value; "
        "docs/safety.md lists all limits and their reasons.",
    ),
    "B521": Code(
        "bad table of stimulation limits",
        "The bytes are not a table of stimulation limits, or it allows more than the board's own ceiling.",
    ),
    "B522": Code("bad electrode map", "The file that assigns electrodes to neurons can't be used; the message names the line."),
    "B523": Code(
        "board not fit for use",
        "The board has a different instruction table, reports implausible capabilities, or has a fault latched by an earlier "
        "run, which must be cleared after checking the cause (`--driver-option clear=yes`).",
    ),
    "B524": Code(
        "board stopped itself",
        "The board went to its state FAULT during the run and stopped all stimulation: an emergency stop, a stimulator out of "
        "compliance, a fault of the chip. Results so far are kept.",
    ),
    "B525": Code(
        "pulse rounded by the stimulator",
        "The board delivers pulses in whole current steps and whole samples, and the nearest one has a phase charge that "
        "differs by more than 5 %. The rounded pulse is the one that is checked and delivered.",
    ),
    "B530": Code(
        "emulated board can't be made",
        "The address of an emulated board, or an option of `bioasm emulate`, can't be used; the message says why.",
    ),
    "B531": Code("damaged result", "The bytes that a board sent as the result of a run do not follow the format of results."),
}
