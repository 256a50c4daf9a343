"""The public calls of `import bioasm`."""
