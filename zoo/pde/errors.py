"""What an equation in time refuses: a closed form that it has not, a field that grew absurdly."""


class NoExact(NotImplementedError):
    """An equation has no closed-form solution; the message says why."""


class BlowUp(ArithmeticError):
    """Trajectories that left the finite numbers or grew absurdly.

    Args:
        equation: its name.
        samples: the samples' numbers in the batch.
        coefficients: their coefficients by name, one dict a sample.
        hint: what to do.
    """

    def __init__(
        self,
        equation: str,
        samples: list[int],
        coefficients: list[dict[str, float]],
        hint: str = "more steps or a finer grid, or smaller coefficients or initial fields",
    ) -> None:
        self.samples = samples
        self.coefficients = coefficients
        told = "; ".join(
            f"sample {i} ({', '.join(f'{name}={value:.4g}' for name, value in c.items())})"
            for i, c in list(zip(samples, coefficients, strict=True))[:8]
        )
        more = f" and {len(samples) - 8} more" if len(samples) > 8 else ""
        super().__init__(f"{equation} blew up in {told}{more}: {hint}")
