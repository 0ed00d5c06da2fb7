from torch import Tensor

from zoo.models.estimators.counted import counted
from zoo.models.field import Estimator, Field
from zoo.ops.draws import Products, signs
from zoo.ops.jets import Jet
from zoo.ops.products_jet import ProductsJet
from zoo.ops.traced_jet import TracedJet


class Hutchinson(Estimator):
    """Δu ≈ mean of v·(∇∇u v) over random signs v, the product by a reverse pass over the gradient.

    Unbiased, each point with its own signs; the gradient is exact. Of one probe the variance is
    2 Σ_{i≠j} (∂²u/∂x_i∂x_j)²; of several it is as many times smaller. For any field.

    Args:
        probes: how many v.

    Raises:
        ValueError: no probes.

    Source:
        Hutchinson, Communications in Statistics 18 (1989); for residuals Hu, Shi, Karniadakis and
        Kawaguchi, CMAME 424 (2024, arXiv 2312.14499).
    """

    def __init__(self, probes: int = 16) -> None:
        self.probes = counted("probes", probes)

    def jet(self, field: Field, x: Tensor) -> Jet:
        """As in Estimator."""
        size = len(field.interface.inputs)
        base = ProductsJet(field, x, size)

        def draw(count: int) -> Products:
            return Products(base, signs(count, len(x), x, size))

        return TracedJet(base, draw, self.probes, "probes")
