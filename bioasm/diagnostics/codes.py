"""The table of error codes: one row a code, from which `bioasm explain` and the reference page derive.

B0xx the text, B1xx the program, B2xx bytecode, B3xx files, B4xx a run, B5xx drivers, B6xx pieces and sweeps, B9xx ourselves.
A number is never given to another meaning.
"""

from __future__ import annotations

from bioasm.diagnostics.cable_codes import CABLE_CODES
from bioasm.diagnostics.code import Code
from bioasm.diagnostics.sweep_codes import SWEEP_CODES

CODES: dict[str, Code] = {
    # --- text -------------------------------------------------------------------------------------
    "B001": Code(
        "syntax error",
        "The line is not of the form `label: MNEMONIC operand, operand ; comment` nor a directive "
        "(a word that starts with a dot). The caret stands where the reader stopped understanding.",
    ),
    "B002": Code(
        "unknown instruction",
        "No instruction has this mnemonic. `bioasm help` lists them all. Mnemonics may be written in upper or lower case.",
    ),
    "B003": Code(
        "wrong number of operands",
        "The instruction takes another number of operands. `bioasm help MNEMONIC` shows its form and an example.",
    ),
    "B004": Code(
        "wrong kind of operand",
        "An operand is of a kind that this instruction does not take there, for example a label where a "
        "number is wanted. `bioasm help MNEMONIC` shows which kinds it takes.",
    ),
    "B005": Code(
        "unknown unit",
        "A number is followed by a unit that BioASM does not know. Units are an SI prefix and a symbol "
        "(`10 mV`, `0.1 ms`, `300 pA`), or `sweeps`. Without a unit a number is in SI units.",
    ),
    "B006": Code(
        "unit does not fit",
        "The unit measures something else than this operand is, for example milliseconds where a voltage is wanted.",
    ),
    "B007": Code(
        "unknown name",
        "The name was used as a constant, a datum or a label, but nothing of this name is defined in the "
        "program or in what it includes.",
    ),
    "B008": Code(
        "name defined twice",
        "A label, constant or datum of this name stands elsewhere already. Names are global over all included files.",
    ),
    "B009": Code(
        "bad number",
        "The text looks like a number but can't be read as one, or it is too large for a 64-bit float.",
    ),
    "B010": Code(
        "bad data literal",
        "The rows of a matrix differ in length, an entry is no number, or an index is no whole number or out of range. "
        "A dense literal is `[1, 2, 3]` or `[[1, 2], [3, 4]]`; sparse data are `sparse(n) { i j value ... }`.",
    ),
    "B011": Code(
        "unknown directive",
        "A word that starts with a dot names a directive. The directives are described in docs/language.md.",
    ),
    "B012": Code(
        "include goes in a circle",
        "A file includes itself, directly or through other files.",
    ),
    "B013": Code(
        "not a text",
        "The input is neither bytecode (which starts with the bytes of its magic number) nor valid UTF-8 text.",
    ),
    "B014": Code(
        "value out of range",
        "A number lies outside the range that the instruction allows for this operand.",
    ),
    "B015": Code(
        "name not allowed",
        "A register (r0 to r31), an instruction's mnemonic in capitals or a reserved word can't be used as a name, and a "
        "name is a letter or _ and then letters, digits, _ and dots.",
    ),
    # --- texts of models --------------------------------------------------------------------------
    "B016": Code(
        "empty input",
        "The file or the pipe that should hold a program holds nothing at all, as after a command that failed or on a full disk. "
        "A text of comments alone is a program: it does nothing.",
    ),
    "B020": Code(
        "model text can't be read",
        "A statement of a model's text is not of the form that its section asks for, or the block `.model NAME { ... }` is "
        "not closed. docs/model-language.md shows every section.",
    ),
    "B021": Code(
        "undefined name in a model",
        "An expression reads a name that is no parameter, state, input or definition of the model, no name that the mechanism "
        "`uses:`, and none of the language (dt, t, pi).",
    ),
    "B022": Code(
        "units do not agree",
        "Two values that are added, compared or assigned measure different things, a function that takes a pure number was "
        "given a value with a unit, or a condition stands where a number is wanted. The caret marks the part at fault.",
    ),
    "B023": Code(
        "algebraic loop",
        "Definitions, or initial values, need each other in a circle, so that none can be computed first. The message names "
        "the circle; a state in it, with an equation of its own, would break it.",
    ),
    "B024": Code(
        "missing initial value",
        "An equation, an assignment or a spike changes a variable that `state:` does not list. What changes is a state and "
        "has an initial value.",
    ),
    "B025": Code(
        "name not allowed in a model",
        "Names of functions, units of two letters or more, words of the language (dt, t, xi, pi, weight, ...) and what the "
        "machine counts itself (spike_count, energy, ...) can't name a part of a model.",
    ),
    "B026": Code(
        "defined twice in a model",
        "A name, a section, or an equation for the same variable stands twice where one is wanted.",
    ),
    "B027": Code(
        "function used wrongly",
        "There is no such function, it takes another number of values, or it can't stand in this place.",
    ),
    "B028": Code(
        "section out of place",
        "There is no section of this name, or this kind of model can't have it: only mechanisms use and add to the variables of "
        "others, and only neurons spike, are reset and take feedback.",
    ),
    "B029": Code(
        "method does not fit the equation",
        "`cnexp` needs an equation that is linear in its variable, and `exact` one that is linear in all states that it reads, which "
        "have exact equations in the same stage; coefficients of coupled ones are made of parameters. Noise needs `euler`. The methods are euler, rk4, exponential_euler, cnexp, implicit and exact.",
    ),
    "B030": Code(
        "noise out of place",
        "White noise (xi or xi_NAME) stands in equations of neurons, added or with a factor: `... + sigma*sqrt(2/tau)*xi`.",
    ),
    "B031": Code(
        "event does not fit",
        "A reset or a refractory time needs a threshold, what a spike adds is proportional to its weight, and names in "
        "`feedback:`, `clamp:`, `observe:` and `order:` are those of the model.",
    ),
    "B032": Code(
        "bad parameter",
        "A parameter's default is a number, not an expression of other parameters, and lies within the range that is given "
        "for it.",
    ),
    # --- program ----------------------------------------------------------------------------------
    "B101": Code(
        "no neurons yet",
        "An instruction that needs neurons can be reached before `ALC` has allocated them, on some path "
        "through the program. Put `ALC n` before it, outside of any branch.",
    ),
    "B102": Code(
        "allocated twice",
        "A program allocates its neurons once. This `ALC` can be reached after neurons were allocated.",
    ),
    "B103": Code(
        "unknown model",
        "No neuron model has this name. `bioasm models` lists them.",
    ),
    "B104": Code(
        "model chosen too late",
        "`MODEL` stands before `ALC`, once, and outside of loops: what is allocated depends on it.",
    ),
    "B105": Code(
        "unknown parameter",
        "The model has no parameter of this name. `bioasm models NAME` lists its parameters with units and defaults.",
    ),
    "B106": Code(
        "shape does not fit",
        "The data have another shape than the number of neurons asks for: couplings are n x n, biases and "
        "other values per neuron have n entries, term indices are below n.",
    ),
    "B107": Code(
        "unit of time does not fit the model",
        "A model counts its runs either in time (`RUN 10 ms`) or in sweeps (`RUN 50 sweeps`). `bioasm models NAME` says which.",
    ),
    "B108": Code(
        "model has no such quantity",
        "The instruction asks for a state, variable or observable that the chosen model does not have.",
    ),
    "B109": Code(
        "not finite",
        "Data or a number holds NaN or an infinity. No instruction has a use for them.",
    ),
    "B110": Code(
        "index out of range",
        "A neuron index is not below the number of neurons, or is negative. Indices count from 0.",
    ),
    "B111": Code(
        "over a limit",
        "The program asks for more than a documented limit allows. docs/limits.md lists the limits and why they stand.",
    ),
    "B112": Code(
        "jump out of the program",
        "A jump's target is no instruction of the program. In text this can't be written; bytecode may hold it.",
    ),
    "B113": Code(
        "register read before it was written",
        "On some path through the program a register is read that no instruction has written before.",
    ),
    "B114": Code(
        "model can't do this",
        "The instruction needs an ability that the chosen model does not have, for example input currents in a model of spins.",
    ),
    "B115": Code(
        "whole number can't be held exactly",
        "Everything is computed in 64-bit floats, which have 53 binary digits: 10^16 is one of them, 2^53 + 1 is not. A whole "
        "number that is none is not rounded silently. Give it as a float, or in a larger unit.",
    ),
    "B116": Code(
        "value out of range for the model",
        "A parameter, clamped value or noise level lies outside of what the model can take.",
    ),
    "B117": Code(
        "unreachable instruction",
        "No path through the program reaches this instruction. It does no harm, and is likely a mistake.",
    ),
    "B118": Code(
        "parameter set too late",
        "The parameter decides how time is divided and must be set before `ALC`.",
    ),
    "B119": Code(
        "network is fixed by then",
        "POP, MECH, SYN and CON say what the network is. They stand before the first RUN, jump and label that is jumped to.",
    ),
    "B120": Code(
        "unknown part of the network",
        "No population, mechanism or projection of this name was added by a POP, MECH or SYN before this line.",
    ),
    "B121": Code(
        "name could mean several things",
        "Several populations or mechanisms have something of this name. Write the one that is meant before it, with a dot "
        "between them: `cells.v`.",
    ),
    "B122": Code(
        "projection not connected once",
        "Each projection (SYN) is connected by one CON, not by none or several.",
    ),
    "B123": Code(
        "mechanism does not fit its population",
        "What a mechanism uses or adds to has to be a variable or input, of the same unit, of the population's model or of "
        "another mechanism on the population.",
    ),
    "B124": Code(
        "inputs or initial values depend on each other in a circle",
        "In one step, what mechanisms add to an input would depend on that input itself, also where it is delayed: a delay may "
        "be 0. A state on the way breaks the circle. Or the initial value of a state would depend on itself, by what mechanisms "
        "add and use.",
    ),
    "B125": Code(
        "time steps differ",
        "The models of the program have different defaults of `dt`, and the program has one step: let it say `SET dt, ...`.",
    ),
    "B126": Code(
        "connection does not fit",
        "A CON names no known rule, lacks the number that its rule needs, or has one that the rule can't use.",
    ),
    "B127": Code(
        "populations do not go together",
        "Populations that count in time and populations that count in sweeps, several populations of spins, or several with "
        "a feedback can't stand in one program.",
    ),
    "B128": Code(
        "model's text is not one block",
        "The text of a model in bytecode is not of the form `.model NAME { ... }` on lines without trailing blanks.",
    ),
    "B129": Code(
        "model replaces one that ships",
        "The program's own model has the name of a model that comes with BioASM, and stands in its place.",
    ),
    "B130": Code(
        "spikes of one step become one",
        "Several spikes are sent to one neuron in one step, and it can only spike once: its model passes on what arrives and keeps "
        "nothing of it for the next step. A smaller `dt` keeps them apart; a port of the neurons behind takes each of them.",
    ),
    "B131": Code(
        "number without a unit",
        "The operand is a voltage, a time, a current or the like, and a number without a unit is taken in SI units there: 4 is "
        "4 V. With a unit it says what is meant. Nothing is said of 0, of data, of bytecode without places, and of programs of the core alone.",
    ),
    "B132": Code(
        "couplings not symmetric",
        "The J of spins differs from its transpose. The energy -1/2 s'Js has no place for that: it depends on J + J' alone, so each "
        "pair feels the mean of its two entries. A matrix with one triangle filled is written `symmetric`, and then counts in full.",
    ),
    "B133": Code(
        "no instructions",
        "The program holds nothing to do: comments, constants or data alone. A run of it succeeds, and gives nothing.",
    ),
    "B135": Code(
        "distribution reaches out of a range",
        "A normal or lognormal distribution now and then draws a number that its place can't take, such as a time constant below 0. It is never used: the run ends with B402. Bounds, normal(mean, sd, low, high), draw anew.",
    ),
    # --- cells that are trees ---------------------------------------------------------------------
    **CABLE_CODES,
    # --- bytecode ---------------------------------------------------------------------------------
    "B201": Code("not bytecode", "The bytes do not start with the magic number of BioASM bytecode."),
    "B202": Code(
        "version not supported",
        "The bytecode was written for a format or instruction set that this version can't read.",
    ),
    "B203": Code("bytecode cut short", "The file ends before the length that its own header states."),
    "B204": Code("checksum does not match", "A section's bytes are not those that were written: the file is damaged."),
    "B205": Code(
        "bad section table",
        "Sections overlap, lie outside of the file, are not aligned, or are missing or doubled.",
    ),
    "B206": Code("unknown critical section", "The bytecode needs an ability that this version does not have."),
    "B207": Code("unknown opcode", "An instruction's number is not in the instruction table of this version."),
    "B208": Code("bad operand encoding", "An operand's tag, index or value can't be decoded."),
    "B209": Code("bad section content", "A section's content does not follow the format."),
    # --- files ------------------------------------------------------------------------------------
    "B301": Code("file can't be read", "The file is missing, is a directory, or may not be read."),
    "B302": Code(
        "file can't be written", "The file, or the folder it should stand in, may not be written, or the disk is full."
    ),
    "B303": Code("data file can't be read", "The file is no npy, npz or Matrix Market file of numbers, or is damaged."),
    "B304": Code("problem file can't be read", "The file does not follow the format that it was read as; the line is shown."),
    "B305": Code(
        "unknown problem format",
        "The format of a problem file could not be told from its name or content; name it with --from. JSON is read where it holds "
        "LIF layers of Rockpool or a binary quadratic model of dimod.",
    ),
    "B306": Code(
        "unknown result format",
        "Results are written by suffix: .npz, .json, .h5, .csv, .parquet, .zarr or .nwb; pictures as .svg, .png, .pdf or .html.",
    ),
    "B307": Code("binary on a terminal", "Bytecode and arrays are not written to a terminal. Give `-o FILE` or a pipe."),
    "B308": Code("recording can't be read", "The file is no .rhd recording or stream of events, or is damaged."),
    "B309": Code(
        "recording can't be made",
        "Channels without a name, two channels of one name, a file name that readers don't take, or more samples than the format counts.",
    ),
    "B310": Code(
        "file changed during use",
        "Large data stay in their file and are mapped into memory. The file was shortened or written to while a command used it, "
        "so that what was computed since may be wrong. Write a new file and move it to the name instead of writing in place.",
    ),
    "B311": Code(
        "wide range of energies",
        "The coefficients of a problem range over many decades. Over more than 2^53 their sums lose the small ones altogether. "
        "Over less, at the first temperatures only the largest decide, and the "
        "schedule has to go on until the smallest do. The program that `import` writes does so, in more steps; where "
        "the largest coefficients are penalties, smaller ones that still exceed what they forbid make a better problem.",
    ),
    "B312": Code(
        "package is not installed",
        "What was asked for needs a package that is an extra of BioASM. The hint is the command that installs it.",
    ),
    "B313": Code(
        "result can't be read",
        "The file is no result that `bioasm run -o` or `Result.save` wrote, or is damaged. Read are .npz, .json, .h5 and .zarr.",
    ),
    "B314": Code(
        "nothing to draw",
        "The result holds nothing of that kind: a raster needs spikes, traces need REC, an energy needs couplings or a spin model.",
    ),
    "B315": Code(
        "problem does not fit the format",
        "The format has no place for something of the problem, such as products of three variables, biases or a sense, or for "
        "something of a network. The hint names one that has, or says what would fit.",
    ),
    "B316": Code(
        "what a written file does not say",
        "A warning. The format has no place for the sense of the problem: what is written is minus the cut, or an objective that a "
        "comment alone says to be maximised. A NIR graph says nothing of how long it runs and what comes to its inputs.",
    ),
    # --- run --------------------------------------------------------------------------------------
    "B401": Code(
        "out of fuel",
        "The run used up its fuel, the bound on instructions and steps. Raise it with --fuel, or look for an endless loop.",
    ),
    "B402": Code(
        "value out of range in the run",
        "A register held a value that the instruction can't use: a negative or endless duration, an index outside of the neurons.",
    ),
    "B403": Code("needs too much memory", "What the program asks for would not fit into the memory of this machine."),
    "B404": Code(
        "checkpoint does not fit",
        "The checkpoint was written by another program, seed, number of lanes or version, or holds what no run of this program leaves: it is damaged, or was changed. Run without `--resume`.",
    ),
    "B405": Code(
        "unknown constant", "`--set NAME=VALUE` names neither a constant of the program nor a parameter of its model."
    ),
    "B406": Code("bad option", "An option's value can't be used."),
    "B407": Code(
        "numbers left the finite range",
        "A state became infinite or not a number during the run: the time step is too large or an input too strong.",
    ),
    # --- drivers ----------------------------------------------------------------------------------
    "B501": Code("unknown driver", "No driver of this name is installed. `bioasm drivers` lists those that are."),
    "B502": Code("driver can't run this program", "The program needs an ability that the driver does not declare."),
    "B503": Code("driver not usable", "The driver is installed but can't be loaded; the message says what it lacks."),
    "B504": Code("device lost", "The connection to the device was lost during the run. What had been received is kept."),
    "B510": Code(
        "no board answered",
        "The port opened, but nothing on it spoke the link protocol: another device, no power, another firmware, or another baud rate. docs/link.md describes the protocol.",
    ),
    "B511": Code(
        "port can't be opened", "The serial port does not exist, may not be used by you, or another program has it open."
    ),
    "B512": Code(
        "no common protocol version",
        "The board's firmware and this program speak different versions of the link protocol. The message names both.",
    ),
    "B513": Code(
        "board is busy",
        "Another host has a session with the board. A session ends when its host says so, or 2 s after it was last heard.",
    ),
    "B514": Code(
        "board refused",
        "The board does not do what it was asked for. The message tells the limit or state that stands against it, and the value.",
    ),
    "B515": Code(
        "damaged transfer",
        "Data arrived whole and are not what was announced. Lines are checked by other means, so that this is a defect of a firmware.",
    ),
    "B516": Code("board did not answer", "The board is connected and alive, but did not reply to a request in time."),
    "B517": Code(
        "value does not fit the link",
        "A number or list of a request is larger than the field of the message that carries it. docs/link.md has the fields.",
    ),
    "B520": Code(
        "stimulation refused by the interlock",
        "A pulse would break a limit of safe stimulation. The message names the limit, the value, and what is allowed; docs/safety.md lists all limits and why they stand.",
    ),
    "B521": Code(
        "bad table of stimulation limits",
        "The bytes are no table of stimulation limits, or it allows more than the board's own ceiling does.",
    ),
    "B522": Code(
        "bad electrode map", "The file that says which neuron has which electrodes can't be used; the message names the line."
    ),
    "B523": Code(
        "board not fit for use",
        "The board has another instruction table than this program, says of itself what can't be, or stopped itself in an earlier run and waits until someone has seen to it (`--driver-option clear=yes`).",
    ),
    "B524": Code(
        "board stopped itself",
        "The board went to its state FAULT during the run and stopped all stimulation: an emergency stop, a stimulator out of compliance, a fault of the chip. What had been computed is kept.",
    ),
    "B525": Code(
        "pulse rounded by the stimulator",
        "The board gives pulses in whole steps of current and whole samples, and the nearest to this one has a phase charge that differs by more than 5 %. The rounded pulse is the one that is checked and given.",
    ),
    "B530": Code(
        "emulated board can't be made",
        "The address of an emulated board, or an option of `bioasm emulate`, can't be used; the message says why.",
    ),
    "B531": Code("damaged result", "The bytes that a board sent as the result of a run do not follow the format of results."),
    # --- servers ----------------------------------------------------------------------------------
    "B550": Code(
        "server can't be reached",
        "Nothing answers at the server's address, its certificate is not known, or the connection was lost for longer than `patience`. Jobs go on there meanwhile.",
    ),
    "B551": Code(
        "server refused",
        "The server does not do what it was asked for: the token lacks a right, a quota is used up, or the request is none that it takes. The message says which.",
    ),
    "B552": Code(
        "answer can't be understood",
        "What answered does not follow the protocol of docs/remote.md, or another version of it, or the answer was damaged on its way.",
    ),
    "B553": Code(
        "no such job or result",
        "The server has no job of this name, or the job has no result: it was cancelled before it began, or is no longer kept.",
    ),
    "B554": Code(
        "job left behind",
        "The job goes on at the server, because you left it with Ctrl-C or because others want it too. The hint says how to join it again.",
    ),
    "B555": Code(
        "job lost",
        "The process that ran the job died again and again without getting further, or it died while cells were stimulated, which can't be repeated.",
    ),
    "B556": Code(
        "server can't start",
        "`bioasm serve` can't listen where it was told to: without TLS it takes a socket file or a loopback address only. The message says what stands against it.",
    ),
    **SWEEP_CODES,
    "B901": Code("internal error", "BioASM has a defect. Please report it with the program and the command line."),
}
