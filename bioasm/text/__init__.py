"""The text of programs: grammar, parser, assembler, disassembler and formatter."""
