"""ElectraPretraining: a generator and a discriminator of transformers, trained together (Clark et al. 2020).

Shapes: B rows, T positions, N positions that the generator predicts, V vocabulary.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hornbook.collators.bridge import IGNORED
from hornbook.errors import UserError
from hornbook.model.electra import row_factors, uniform


class ElectraPretraining(nn.Module):
    """Takes the batches of an ELECTRACollator; its `discriminator` is the model that is kept.

    generator       a masked language model of transformers, such as ElectraForMaskedLM
    discriminator   ElectraForPreTraining; the two share token embeddings, which must be of one size (section 3.2)
    weight          how much the discriminator's loss counts beside the generator's
    seed            of the samples

    The loss of each row is the mean of the generator's nats over its m predicted tokens plus `weight` times the mean of
    the discriminator's over its n real ones; rows count in proportion to m. A sample is a function of the seed, the
    row's tokens and the place, so a resumed run draws the same.
    """

    # Trainer then gives the number of labels in all micro-batches of a step.
    accepts_loss_kwargs = True

    def __init__(self, generator: Any, discriminator: Any, weight: float = 50.0, seed: int = 0) -> None:
        super().__init__()
        shared, own = discriminator.get_input_embeddings(), generator.get_input_embeddings()
        if shared.weight.shape != own.weight.shape:
            told = f"but theirs are {tuple(own.weight.shape)} and {tuple(shared.weight.shape)}"
            advice = "give both the same vocab_size and embedding_size"
            raise UserError(f"Generator and discriminator must share token embeddings, {told}: {advice}.")
        generator.set_input_embeddings(shared)
        generator.tie_weights()
        self.generator, self.discriminator = generator, discriminator
        self.weight, self.seed = weight, seed
        self.register_state_dict_post_hook(_keep_once)  # type: ignore[no-untyped-call]

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        labels: Tensor,
        num_items_in_batch: Tensor | int | None = None,
        token_type_ids: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return the loss, the discriminator's logits and what was truly replaced, both [B, T]."""
        predicted = labels != IGNORED
        seen = {"attention_mask": attention_mask, "token_type_ids": token_type_ids}
        said = self.generator(input_ids=input_ids, **seen).logits[predicted].float()  # [N, V]
        nats = F.cross_entropy(said, labels[predicted], reduction="sum")
        original = torch.where(predicted, labels, input_ids)
        shown = input_ids.masked_scatter(predicted, self._samples(input_ids, predicted, said.detach()))
        replaced = (shown != original).float()
        logits = self.discriminator(input_ids=shown, **seen).logits
        found = F.binary_cross_entropy_with_logits(logits.float(), replaced, reduction="none")
        ratio = predicted.sum(1) / attention_mask.sum(1).clamp(min=1)  # m / n, [B]
        judged = (ratio[:, None] * attention_mask * found).sum()
        count = predicted.sum() if num_items_in_batch is None else num_items_in_batch
        return {"loss": (nats + self.weight * judged) / max(count, 1), "logits": logits, "replaced": replaced}

    def _samples(self, input_ids: Tensor, predicted: Tensor, said: Tensor) -> Tensor:
        """Draw a token for each predicted place from the generator's distribution, int64[N]."""
        upto = said.double().softmax(-1).cumsum(-1)
        factors = row_factors(self.seed, input_ids.shape[1]).to(input_ids.device)
        draws = uniform(input_ids, predicted.flatten().nonzero()[:, 0], factors)
        found = torch.searchsorted(upto, draws[:, None] * upto[:, -1:], right=True)[:, 0]
        return found.clamp(max=said.shape[-1] - 1)


def _keep_once(module: nn.Module, state: dict[str, Any], prefix: str, metadata: Any) -> None:
    """Leave one name for each shared tensor, as safetensors wants it; loading one fills all that share it."""
    seen: set[int] = set()
    for name in [name for name in state if name.startswith(prefix)]:
        place = state[name].data_ptr()
        if place in seen:
            del state[name]
        seen.add(place)
