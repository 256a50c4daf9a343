"""The table of error codes: one row a code, from which `bioasm explain` and the reference page derive.

B0xx the text, B1xx the program, B2xx bytecode, B3xx files, B4xx a run, B5xx drivers, B6xx pieces and sweeps, B9xx ourselves.
A number is never given to another meaning.
"""

from __future__ import annotations

from bioasm.diagnostics.board_codes import BOARD_CODES
from bioasm.diagnostics.cable_codes import CABLE_CODES
from bioasm.diagnostics.code import Code
from bioasm.diagnostics.sweep_codes import SWEEP_CODES

CODES: dict[str, Code] = {
    # --- text -------------------------------------------------------------------------------------
    "B001": Code(
        "syntax error",
        "The line is not of the form `label: MNEMONIC operand, operand ; comment` nor a directive (a word that starts with a "
        "dot). The caret marks where parsing failed.",
    ),
    "B002": Code(
        "unknown instruction",
        "No instruction has this mnemonic. `bioasm help` lists them all. Mnemonics may be written in upper or lower case.",
    ),
    "B003": Code(
        "wrong number of operands",
        "The instruction takes a different number of operands. `bioasm help MNEMONIC` shows its form and an example.",
    ),
    "B004": Code(
        "wrong kind of operand",
        "The instruction does not accept this kind of operand there, for example a label instead of a number. `bioasm help "
        "MNEMONIC` shows the accepted kinds.",
    ),
    "B005": Code(
        "unknown unit",
        "A number is followed by an unknown unit. Units are an SI prefix and a symbol (`10 mV`, `0.1 ms`, `300 pA`), or "
        "`sweeps`. Without a unit a number is in SI units.",
    ),
    "B006": Code(
        "unit does not fit",
        "The unit has another dimension than the operand, for example milliseconds for a voltage.",
    ),
    "B007": Code(
        "unknown name",
        "The name is used as a constant, a datum or a label, but is not defined in the program or the files that it includes.",
    ),
    "B008": Code(
        "name defined twice",
        "A label, constant or datum with this name is already defined. Names are global over all included files.",
    ),
    "B009": Code(
        "bad number",
        "The text looks like a number but can't be read as one, or it is too large for a 64-bit float.",
    ),
    "B010": Code(
        "bad data literal",
        "The rows of a matrix differ in length, an entry is not a number, or an index is not an integer or is out of range. A "
        "dense literal is `[1, 2, 3]` or `[[1, 2], [3, 4]]`; sparse data are `sparse(n) { i j value ... }`.",
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
        "A number is outside the range that the instruction allows for this operand.",
    ),
    "B015": Code(
        "name not allowed",
        "A register (r0 to r31), an instruction's mnemonic in capitals or a reserved word can't be used as a name, and a name "
        "is a letter or _ and then letters, digits, _ and dots.",
    ),
    # --- texts of models --------------------------------------------------------------------------
    "B016": Code(
        "empty input",
        "The file or pipe that should contain a program is empty, as after a failed command or on a full disk. A text with "
        "only comments is a program that does nothing.",
    ),
    "B020": Code(
        "model text can't be read",
        "A statement of a model's text does not have the form required by its section, or the block `.model NAME { ... }` is "
        "not closed. docs/model-language.md shows every section.",
    ),
    "B021": Code(
        "undefined name in a model",
        "An expression reads a name that is not a parameter, state, input or definition of the model, a name that the "
        "mechanism `uses:`, or a name of the language (dt, t, pi).",
    ),
    "B022": Code(
        "units do not agree",
        "Two values that are added, compared or assigned have different dimensions, a function of a pure number was given a "
        "value with a unit, or a condition is used as a number. The caret marks the place.",
    ),
    "B023": Code(
        "algebraic loop",
        "Definitions, or initial values, depend on each other in a cycle, so that none can be computed first. The message "
        "names the cycle; a state in it, with its own equation, would break it.",
    ),
    "B024": Code(
        "missing initial value",
        "An equation, an assignment or a spike changes a variable that is not listed under `state:`. Variables that change are "
        "states and need an initial value.",
    ),
    "B025": Code(
        "name not allowed in a model",
        "Names of functions, units of two letters or more, words of the language (dt, t, xi, pi, weight, ...) and quantities "
        "of the machine (spike_count, energy, ...) can't be names in a model.",
    ),
    "B026": Code(
        "defined twice in a model",
        "A name, a section, or the equation of a variable is defined twice.",
    ),
    "B027": Code(
        "function used wrongly",
        "There is no such function, it takes a different number of arguments, or it is not allowed in this place.",
    ),
    "B028": Code(
        "section out of place",
        "There is no section with this name, or this kind of model can't have it: only mechanisms use and add to the variables "
        "of others, and only neurons spike, are reset and take feedback.",
    ),
    "B029": Code(
        "method does not fit the equation",
        "`cnexp` needs an equation that is linear in its variable, and `exact` one that is linear in all states that it reads, "
        "which have exact equations in the same stage; coefficients of coupled ones must be expressions of parameters. Noise "
        "needs `euler`. The methods are euler, rk4, exponential_euler, cnexp, implicit and exact.",
    ),
    "B030": Code(
        "noise out of place",
        "White noise (xi or xi_NAME) is allowed only in equations of neurons, as a summand, possibly with a factor: `... + "
        "sigma*sqrt(2/tau)*xi`.",
    ),
    "B031": Code(
        "event does not fit",
        "A reset or a refractory time needs a threshold, the effect of a spike must be proportional to its weight, and names "
        "in `feedback:`, `clamp:`, `observe:` and `order:` must be those of the model.",
    ),
    "B032": Code(
        "bad parameter",
        "A parameter's default must be a number, not an expression of other parameters, within the range given for it.",
    ),
    # --- program ----------------------------------------------------------------------------------
    "B101": Code(
        "no neurons yet",
        "An instruction that needs neurons can be reached before `ALC` has allocated them, on some path through the program. "
        "Put `ALC n` before it, outside of any branch.",
    ),
    "B102": Code(
        "allocated twice",
        "A program allocates its neurons once. This `ALC` can be reached after neurons have been allocated.",
    ),
    "B103": Code(
        "unknown model",
        "No neuron model has this name. `bioasm models` lists them.",
    ),
    "B104": Code(
        "model chosen too late",
        "`MODEL` must precede `ALC`, once, outside of loops, because the allocation depends on it.",
    ),
    "B105": Code(
        "unknown parameter",
        "The model has no parameter of this name. `bioasm models NAME` lists its parameters with units and defaults.",
    ),
    "B106": Code(
        "shape does not fit",
        "The shape of the data does not match the number of neurons: couplings are n x n, biases and other values per neuron "
        "have n entries, term indices are below n.",
    ),
    "B107": Code(
        "unit of time does not fit the model",
        "The clock of a model counts either time (`RUN 10 ms`) or sweeps (`RUN 50 sweeps`). `bioasm models NAME` says which.",
    ),
    "B108": Code(
        "model has no such quantity",
        "The instruction refers to a state, variable or observable that the chosen model does not have.",
    ),
    "B109": Code(
        "not finite",
        "Data or a number is NaN or infinite. No instruction accepts these.",
    ),
    "B110": Code(
        "index out of range",
        "A neuron index is not below the number of neurons, or is negative. Indices count from 0.",
    ),
    "B111": Code(
        "over a limit",
        "The program exceeds a documented limit. docs/limits.md lists the limits and their reasons.",
    ),
    "B112": Code(
        "jump out of the program",
        "A jump's target is not an instruction of the program. This can occur only in bytecode, not in text.",
    ),
    "B113": Code(
        "register read before it was written",
        "On some path through the program a register is read before any instruction has written it.",
    ),
    "B114": Code(
        "model can't do this",
        "The instruction needs an ability that the chosen model does not have, for example input currents in a model of spins.",
    ),
    "B115": Code(
        "whole number can't be held exactly",
        "All computation uses 64-bit floats with a 53-bit significand: 10^16 is representable, 2^53 + 1 is not. An integer "
        "that is not representable is not rounded silently. Write it as a float, or in a larger unit.",
    ),
    "B116": Code(
        "value out of range for the model",
        "A parameter, clamped value or noise level is outside the range that the model allows.",
    ),
    "B117": Code(
        "unreachable instruction",
        "No path through the program reaches this instruction. It is harmless, but probably a mistake.",
    ),
    "B118": Code(
        "parameter set too late",
        "The parameter determines the time stepping and must be set before `ALC`.",
    ),
    "B119": Code(
        "network is fixed by then",
        "POP, MECH, SYN and CON define the network. They must precede the first RUN, jump and jump target.",
    ),
    "B120": Code(
        "unknown part of the network",
        "No population, mechanism or projection with this name was defined by a POP, MECH or SYN before this line.",
    ),
    "B121": Code(
        "name could mean several things",
        "The name is ambiguous, because several populations or mechanisms have it. Write it with its owner and a dot: "
        "`cells.v`.",
    ),
    "B122": Code(
        "projection not connected once",
        "Each projection (SYN) must be connected by exactly one CON.",
    ),
    "B123": Code(
        "mechanism does not fit its population",
        "The names that a mechanism uses or adds to must be variables or inputs, with the same unit, of the population's model "
        "or of another mechanism on the population.",
    ),
    "B124": Code(
        "inputs or initial values depend on each other in a circle",
        "Within a step, the contribution of mechanisms to an input would depend on that input itself, even if delayed, because "
        "a delay may be 0. A state in between breaks the cycle. Or the initial value of a state would depend on itself, "
        "through what mechanisms add and use.",
    ),
    "B125": Code(
        "time steps differ",
        "The models of the program have different defaults of `dt`, but a program has one time step: add `SET dt, ...`.",
    ),
    "B126": Code(
        "connection does not fit",
        "A CON has an unknown rule, lacks the number required by its rule, or has one that the rule does not take.",
    ),
    "B127": Code(
        "populations do not go together",
        "A program can't combine populations whose clocks count time and sweeps, nor contain several populations of spins or "
        "several with a feedback.",
    ),
    "B128": Code(
        "model's text is not one block",
        "The text of a model in bytecode is not of the form `.model NAME { ... }` on lines without trailing blanks.",
    ),
    "B129": Code(
        "model replaces a built-in one",
        "A model defined in the program has the name of a built-in model, and replaces it.",
    ),
    "B130": Code(
        "spikes of one step become one",
        "Several spikes are sent to one neuron in one step, and it can only spike once: its model relays arriving spikes and "
        "stores nothing for the next step. A smaller `dt` separates them; sent directly to a port of the target neurons, each "
        "of them counts.",
    ),
    "B131": Code(
        "number without a unit",
        "The operand is a voltage, a time, a current or the like, and a number without a unit is in SI units: 4 is 4 V. Add "
        "the unit to make it explicit. There is no such warning for 0, data, bytecode without source positions, and programs "
        "with core instructions only.",
    ),
    "B132": Code(
        "couplings not symmetric",
        "The J of spins differs from its transpose. The energy -1/2 s'Js depends only on J + J', so that the effective "
        "coupling of a pair is the mean of its two entries. Declare a matrix given by one triangle `symmetric`, so that it "
        "counts in full.",
    ),
    "B133": Code(
        "no instructions",
        "The program contains no instructions, only comments, constants or data. A run succeeds without results.",
    ),
    "B135": Code(
        "distribution reaches out of a range",
        "A normal or lognormal distribution occasionally gives an invalid number, such as a time constant below 0. Such a "
        "number is never used: the run ends with B402. With bounds, normal(mean, sd, low, high), it is redrawn.",
    ),
    # --- cells that are trees ---------------------------------------------------------------------
    **CABLE_CODES,
    # --- bytecode ---------------------------------------------------------------------------------
    "B201": Code("not bytecode", "The bytes do not start with the magic number of BioASM bytecode."),
    "B202": Code(
        "version not supported",
        "The bytecode was written for a format or instruction set version that is not supported.",
    ),
    "B203": Code("bytecode cut short", "The file ends before the length that its own header states."),
    "B204": Code("checksum does not match", "A section's bytes have changed: the file is damaged."),
    "B205": Code(
        "bad section table",
        "Sections overlap, extend beyond the file, are not aligned, or are missing or duplicated.",
    ),
    "B206": Code("unknown critical section", "The bytecode needs an ability that this version does not have."),
    "B207": Code("unknown opcode", "An instruction's number is not in the instruction table of this version."),
    "B208": Code("bad operand encoding", "An operand's tag, index or value can't be decoded."),
    "B209": Code("bad section content", "A section's content does not follow the format."),
    # --- files ------------------------------------------------------------------------------------
    "B301": Code("file can't be read", "The file is missing, is a directory, or may not be read."),
    "B302": Code("file can't be written", "The file or its folder is not writable, or the disk is full."),
    "B303": Code("data file can't be read", "The file is not a numeric npy, npz or Matrix Market file, or is damaged."),
    "B304": Code("problem file can't be read", "The file does not follow the format as which it was read; the line is shown."),
    "B305": Code(
        "unknown problem format",
        "The format of a problem file could not be recognised from its name or content; name it with --from. JSON is accepted "
        "if it contains LIF layers of Rockpool or a binary quadratic model of dimod.",
    ),
    "B306": Code(
        "unknown result format",
        "Results are written by suffix: .npz, .json, .h5, .csv, .parquet, .zarr or .nwb; pictures as .svg, .png, .pdf or .html.",
    ),
    "B307": Code("binary on a terminal", "Bytecode and arrays are not written to a terminal. Give `-o FILE` or a pipe."),
    "B308": Code("recording can't be read", "The file is not an .rhd recording or event file, or is damaged."),
    "B309": Code(
        "recording can't be made",
        "Channels without a name, duplicate channel names, a file name that readers don't accept, or more samples than the "
        "format can count.",
    ),
    "B310": Code(
        "file changed during use",
        "Large data stay in their file and are mapped into memory. The file was truncated or overwritten while a command used "
        "it, so that later results may be wrong. Write a new file and rename it instead of writing in place.",
    ),
    "B311": Code(
        "wide range of energies",
        "The coefficients of a problem range over many decades. Beyond a ratio of 2^53 their sums lose the small ones "
        "altogether. Below it, at the first temperatures only the largest matter, and the schedule must continue until the "
        "smallest do. The program written by `import` does so, in more steps; if the largest coefficients are penalties, "
        "smaller penalties that still exceed the possible gain make a better problem.",
    ),
    "B312": Code(
        "package is not installed",
        "This feature needs a package that is an extra of BioASM. The hint is the command that installs it.",
    ),
    "B313": Code(
        "result can't be read",
        "The file is not a result written by `bioasm run -o` or `Result.save`, or is damaged. The readable formats are .npz, "
        ".json, .h5 and .zarr.",
    ),
    "B314": Code(
        "nothing to draw",
        "The result contains no data of that kind: a raster needs spikes, traces need REC, an energy needs couplings or a spin "
        "model.",
    ),
    "B315": Code(
        "problem does not fit the format",
        "The format can't express a part of the problem, such as products of three variables, biases or a sense, or a part of "
        "a network. The hint names a format that can, or says what would fit.",
    ),
    "B316": Code(
        "what a written file does not say",
        "A warning. The format can't express the sense of the problem: minus the cut is written, or an objective for which "
        "only a comment says that it is to be maximised. A NIR graph contains neither the duration of the run nor "
        "the input spikes.",
    ),
    # --- run --------------------------------------------------------------------------------------
    "B401": Code(
        "out of fuel",
        "The run exhausted its fuel, the bound on instructions and steps. Raise it with --fuel, or look for an endless loop.",
    ),
    "B402": Code(
        "value out of range in the run",
        "A register contained a value that the instruction can't use: a negative or infinite duration, a neuron index out of "
        "range.",
    ),
    "B403": Code("needs too much memory", "The program needs more memory than this machine has."),
    "B404": Code(
        "checkpoint does not fit",
        "The checkpoint was written by another program, seed, number of lanes or version, or contains values that no run of "
        "this program produces: it is damaged or was modified. Run without `--resume`.",
    ),
    "B405": Code(
        "unknown constant", "`--set NAME=VALUE` names neither a constant of the program nor a parameter of its model."
    ),
    "B406": Code("bad option", "An option's value can't be used."),
    "B407": Code(
        "numbers left the finite range",
        "A state became infinite or NaN during the run: the time step is too large or an input too strong.",
    ),
    # --- drivers ----------------------------------------------------------------------------------
    "B501": Code("unknown driver", "No driver of this name is installed. `bioasm drivers` lists those that are."),
    "B502": Code("driver can't run this program", "The program needs an ability that the driver does not declare."),
    "B503": Code("driver not usable", "The driver is installed but can't be loaded; the message says what it lacks."),
    "B504": Code("device lost", "The connection to the device was lost during the run. Data received so far are kept."),
    # --- boards -----------------------------------------------------------------------------------
    **BOARD_CODES,
    # --- servers ----------------------------------------------------------------------------------
    "B550": Code(
        "server can't be reached",
        "Nothing answers at the server's address, its certificate is not trusted, or the connection was lost for longer than "
        "`patience`. Jobs continue there meanwhile.",
    ),
    "B551": Code(
        "server refused",
        "The server refused a request: the token lacks a right, a quota is exhausted, or the request is invalid. The message "
        "says which.",
    ),
    "B552": Code(
        "answer can't be understood",
        "The answer does not follow the protocol of docs/remote.md, or follows another version of it, or was damaged in "
        "transit.",
    ),
    "B553": Code(
        "no such job or result",
        "The server has no job with this name, or the job has no result: it was cancelled before it began, or has been "
        "deleted.",
    ),
    "B554": Code(
        "job left behind",
        "The job continues on the server, because you detached with Ctrl-C or because others hold it too. The hint says how to "
        "reattach to it.",
    ),
    "B555": Code(
        "job lost",
        "The process that ran the job died repeatedly without progress, or it died while cells were stimulated, which can't be "
        "repeated.",
    ),
    "B556": Code(
        "server can't start",
        "`bioasm serve` can't listen on the given address: without TLS it accepts only a socket file or a loopback address. "
        "The message gives the reason.",
    ),
    **SWEEP_CODES,
    "B901": Code("internal error", "BioASM has a defect. Please report it with the program and the command line."),
}
