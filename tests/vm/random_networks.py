"""Random texts of programs with models, mechanisms and projections; all values stay of order 1, and neurons spike."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

METHODS = ("euler", "rk4", "exponential_euler", "cnexp", "implicit", "exact")
ORDERS = (
    "receive, spike, reset, step",
    "receive, step, spike, reset",
    "step, receive, spike, reset",
    "spike, reset, step, receive",
)
RULES = ("all", "one_to_one", "probability, 0.4", "indegree, 1", "outdegree, 1")


@dataclass
class Names:
    """What expressions of one text may read: numbers of its program, and what changes in a step."""

    constant: list[str]
    moving: list[str] = field(default_factory=list)


class Writer:
    """Writes one program from one seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def program(self) -> str:
        """A program of two or three models, mechanisms on some, and projections between them."""
        models = range(self.random.randint(2, 3))
        lines = [self.neuron(f"cell{k}") for k in models] + [self.mechanism(f"part{k}") for k in range(2)]
        sizes = [self.random.randint(1, 4) for _ in models]
        lines += [f"POP p{k}, cell{k}, {n}" for k, n in enumerate(sizes)]
        lines += [f"MECH m{k}, part{k % 2}, p{self.random.choice(models)}" for k in range(3)]
        linked = self.random.random() < 0.75
        if linked:
            lines += [line for k in range(4) for line in self.projection(k, sizes)]
        lines += self.inputs(models, linked)
        lines += [f"REC p{k}.{x}" for k in models for x in ("x", "y", "z", "I", "d")]
        lines += [f"REC m{k}.g, 0.{self.random.randint(1, 3)} ms" for k in range(3)]
        lines += ["RUN 4.3 ms", *self.inputs(models, linked), "RD state", "RUN 3.1 ms"]
        lines += [f"RD p{k}.I" for k in models]
        return "\n".join([*lines, "RST", "RUN 2.2 ms", "RD state", "RD spike_count"]) + "\n"

    # --- texts of models ----------------------------------------------------------------------------

    def neuron(self, name: str) -> str:
        """A neuron with three states, of which x grows until it spikes."""
        r = self.random
        names = Names(["a", "b", "I", "0.5", "1.25"], ["x", "y", "z", "d", "t/(3 ms)"])
        still = r.choice(["", " unless refractory"])
        lines = [f".model {name} {{", '"random"', "parameters:", f"a = {r.uniform(0.2, 1):.3f}", f"b = {r.uniform(-1, 1):.3f}"]
        noisy = r.random() < 0.5
        lines += ["noise:", "sigma = 0.2"] if noisy else []
        lines += ["inputs:", f"I : 1 = {r.uniform(0, 0.5):.3f}"]
        lines += ["state:", f"x = {r.uniform(-0.5, 0.5):.3f}", "y = 0.3*a", "z = x - 0.5*y"]
        lines += ["definitions:", f"d = {self.bounded(Names(names.constant, ['x', 'y']), 2)}", "step:"]
        method = "euler" if noisy else r.choice(("euler", "rk4", "implicit", "exponential_euler"))
        noise = f" + sigma*sqrt(1/(1 ms))*{self.bounded(names, 1)}*xi + 0.1*sqrt(1/(1 ms))*xi_more" if noisy else ""
        drive = f"(1.6 + 0.4*I + 0.3*{self.bounded(names, 2)} - x)/({r.uniform(1, 2):.2f} ms)"
        lines += [f"dx/dt = {drive}{noise} using {method}{still}", self.equation("y", names), *self.later(names)]
        lines += [f"spike: {r.choice(['x > 1', 'x crosses 1', 'x >= 0.9 + 0.1*tanh(y)'])}", "reset:", self.reset(names)]
        lines += [f"z := 0.5*z + 0.1*{self.bounded(names, 1)}"]
        lines += [f"refractory: {r.choice(['0.4 ms', 'a*(1 ms)', '0.25 ms + 0.1 ms*tanh(y)'])}{r.choice(['', ' inclusive'])}"]
        lines += ["receive:", f"x += {self.bounded(names, 1)}*weight", "y += 0.3*weight"]
        lines += ["receive side:", "z += (0.5 - 0.1*held(z))*weight"]
        order = f"order: {r.choice(ORDERS)}" if r.random() < 0.3 else ""
        return "\n".join([*lines, order, "}"])

    def equation(self, variable: str, names: Names) -> str:
        """An equation of a state, by any method that can integrate it."""
        r = self.random
        method, tau = r.choice(METHODS), r.uniform(0.5, 4)
        still = r.choice(["", " unless refractory"])
        others = Names(names.constant, [n for n in names.moving if n != variable and n not in ("d", "z", "y", "x")])
        if method == "exact":
            return f"d{variable}/dt = ({self.bounded(Names(names.constant), 1)} - {variable})/({tau:.2f} ms) using exact{still}"
        if method == "cnexp":
            rate = f"({self.bounded(others, 1)} - {variable}*(1.2 + {self.bounded(others, 1)}))/({tau:.2f} ms)"
            return f"d{variable}/dt = {rate} using cnexp{still}"
        return f"d{variable}/dt = ({self.bounded(names, 2)} - {variable})/({tau:.2f} ms) using {method}{still}"

    def later(self, names: Names) -> list[str]:
        """What else happens in the first stage, and stages after it."""
        r = self.random
        lines = [self.equation("z", names)] if r.random() < 0.5 else [f"z := 0.9*z + 0.1*{self.bounded(names, 2)}"]
        if r.random() < 0.5:
            lines += ["then:", self.equation("z", names)]
        if r.random() < 0.3:
            lines += ["then:", f"y := 0.8*y + 0.2*{self.bounded(names, 1)}", f"z := {self.bounded(names, 2)}"]
        return lines

    def reset(self, names: Names) -> str:
        """What a spike does to x, now and then with what held before."""
        return self.random.choice(["x := -0.5", "x := x - 1.2", f"x := 0.2*{self.bounded(names, 1)} - 0.3*held(x)"])

    def mechanism(self, name: str) -> str:
        """A mechanism with two states that adds to the input of the neuron."""
        names = Names(["k", "0.75"], ["g", "h", "x"])
        lines = [f".mechanism {name} {{", '"random"', "parameters:", "k = 0.4", "uses:", "x : 1"]
        lines += ["state:", "g = 0.1", "h = 0.2*x", "step:", self.equation("g", names), self.equation("h", names)]
        lines = [line.removesuffix(" unless refractory") for line in lines]
        lines += ["receive:", f"g += (0.4 + 0.2*{self.bounded(names, 1)})*weight", "adds:"]
        lines += [f"I += 0.3*{self.bounded(names, 2)}", "I += 0.1*delayed(g) - 0.1*held(h*x)"]
        return "\n".join([*lines, "}"])

    # --- expressions --------------------------------------------------------------------------------

    def bounded(self, names: Names, depth: int) -> str:
        """An expression between -1 and 1."""
        r = self.random
        if depth == 0:
            return f"tanh({self.term(names)})"
        one, two = self.bounded(names, depth - 1), self.bounded(names, r.randint(0, depth - 1))
        form = r.choice(
            [
                "0.5*({0} + {1})", "{0}*{1}", "sin(2*{0} + {1})", "cos({0} - {1})", "min({0}, {1}, 0.8)", "max({0}, {1})",
                "clip({0} + {1}, -0.6, 0.7)", "where({0} > {1}, {1}, -{0})", "exp(-({0} + 0.1)^2)*{1}", "{0}/(1 + {1}^2)",
                "0.3*exprelr(2*{0})*{1}", "{0}^3 - 0.2*{1}^2", "sqrt(abs({0}))*{1}",
                "where({0} > 0 and not ({1} > 0.2), 0.4, {1})",
                "abs({0}) - abs({1})", "0.4*floor(2*{0})*{1}", "log(1.5 + 0.4*{0})*{1}",
            ]
        )  # fmt: skip
        return f"({form.format(one, two)})"

    def term(self, names: Names) -> str:
        """A name, or a sum or product of two."""
        r = self.random
        one, two = (r.choice(names.constant + 2 * names.moving) for _ in range(2))
        held = f"held({one})" if one in names.moving and r.random() < 0.2 else one
        return r.choice([one, held, f"{one} - {two}", f"{one}*{two}", f"{held} + 0.5*{two}"])

    # --- networks -----------------------------------------------------------------------------------

    def projection(self, k: int, sizes: list[int]) -> list[str]:
        """A projection by any rule, with a delay or none."""
        r = self.random
        pre, post = r.randrange(len(sizes)), r.randrange(len(sizes))
        rule = r.choice([x for x in RULES if x != "one_to_one" or sizes[pre] == sizes[post]])
        target = r.choice([f"p{post}", f"p{post}.side"])
        delay = r.choice([0, 0.1, 0.25, 0.7, 1.3])
        if r.random() < 0.3:  # what a mechanism delays has one delay
            mechanism = r.randrange(3)
            target, rule, delay = f"m{mechanism}", "probability, 0.6", (0.72, 0, 1.3)[mechanism]
            scattered = ""
        else:
            scattered = r.choice(["", "", "uniform(0 ms, 0.8 ms)", "normal(0.4 ms, 0.3 ms, 0 ms)", "choice(0, 0.25 ms, 1 ms)"])
        return [
            f"SYN s{k}, p{pre}, {target}",
            f"CON s{k}, {rule}",
            f"SET s{k}.delay, {scattered or f'{delay} ms'}",
            f"SET s{k}.weight, {r.uniform(-0.4, 0.6):.3f}",
        ]

    def inputs(self, models: range, linked: bool) -> list[str]:
        """Constants, waveforms and spikes from outside."""
        r, lines = self.random, []
        for k in models:
            rows = [[round(r.uniform(-0.5, 0.5), 3)] for _ in range(4)]
            lines += r.choice(
                [
                    [f"INP p{k}.I, {r.uniform(-0.3, 0.6):.3f}{r.choice(['', ', scale', ', set'])}"],
                    [f"PLAY p{k}.I, {rows}, 0.{r.randint(2, 9)} ms"],
                    [],
                ]
            )
        if linked:
            lines += [
                f"RATE p0, {r.choice([0, 200, 800])} Hz, 0.4",
                f"EVT p1.side, [[0.3e-3, 0], [1.1e-3, 0]], {r.uniform(-1, 1):.2f}",
            ]
        return lines


def random_program(seed: int) -> str:
    """The text of one program."""
    return Writer(seed).program()
