"""Attention used by the clues, the projector and the head: pre-norm, PyTorch's scaled dot product."""

from torch import Tensor, nn
from torch.nn import functional as F


class Attention(nn.Module):
    """Multi-head attention of queries [B, Q, D] over keys/values [B, N, D] -> [B, Q, D], both normed on entry."""

    def __init__(self, size: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        if size % heads:
            raise ValueError(f"hidden_size {size} must be a multiple of num_attention_heads {heads}")
        self.heads = heads
        self.dropout = dropout
        self.query_norm = nn.LayerNorm(size)
        self.key_norm = nn.LayerNorm(size)
        self.query = nn.Linear(size, size)
        self.key_value = nn.Linear(size, 2 * size)
        self.out = nn.Linear(size, size)

    def forward(self, queries: Tensor, keys: Tensor) -> Tensor:
        batch, count, size = queries.shape
        q = self.query(self.query_norm(queries)).view(batch, count, self.heads, -1).transpose(1, 2)
        kv = self.key_value(self.key_norm(keys)).view(batch, keys.shape[1], 2, self.heads, -1)
        k, v = kv.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = F.scaled_dot_product_attention(q, k, v, dropout_p=self.dropout if self.training else 0.0)
        out: Tensor = self.out(mixed.transpose(1, 2).reshape(batch, count, size))
        return out


class FeedForward(nn.Sequential):
    """Norm, Linear, GELU, Linear; from `size` through `ratio * size` to `out`."""

    def __init__(self, size: int, ratio: float, out: int | None = None, dropout: float = 0.0) -> None:
        hidden = int(size * ratio)
        super().__init__(
            nn.LayerNorm(size),
            nn.Linear(size, hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, out or size),
        )


class SelfAttentionLayer(nn.Module):
    """x + SelfAttn(x), then x + FeedForward(x)."""

    def __init__(self, size: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.attention = Attention(size, heads, dropout)
        self.feed_forward = FeedForward(size, 2.0, dropout=dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.attention(tokens, tokens)
        mixed: Tensor = tokens + self.feed_forward(tokens)
        return mixed
