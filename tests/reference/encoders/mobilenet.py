"""MobileNet v1 (Howard et al. 2017), written for reference values only: `keras` pads a stride of two right and below, with epsilon 1e-3."""
from torch import nn
from torch.nn import functional as F

# (channels at alpha 1, stride) of the 13 depthwise-separable blocks
BLOCKS = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)] + 5 * [(512, 1)] + [(1024, 2), (1024, 1)]


class MobileNetV1(nn.Module):
    def __init__(self, alpha, keras):
        super().__init__()
        self.keras = keras
        eps = 1e-3 if keras else 1e-5
        width = int(32 * alpha)
        self.conv1 = nn.Conv2d(3, width, 3, 2, bias=False)
        self.conv1_bn = nn.BatchNorm2d(width, eps=eps)
        for i, (channels, stride) in enumerate(BLOCKS, 1):
            out = int(channels * alpha)
            setattr(self, f"conv_dw_{i}", nn.Conv2d(width, width, 3, stride, groups=width, bias=False))
            setattr(self, f"conv_dw_{i}_bn", nn.BatchNorm2d(width, eps=eps))
            setattr(self, f"conv_pw_{i}", nn.Conv2d(width, out, 1, bias=False))
            setattr(self, f"conv_pw_{i}_bn", nn.BatchNorm2d(out, eps=eps))
            width = out

    def spatial(self, conv, x):
        return conv(F.pad(x, (0, 1, 0, 1) if self.keras and conv.stride == (2, 2) else (1, 1, 1, 1)))

    def forward(self, x):
        x = F.relu6(self.conv1_bn(self.spatial(self.conv1, x)))
        for i in range(1, len(BLOCKS) + 1):
            x = F.relu6(getattr(self, f"conv_dw_{i}_bn")(self.spatial(getattr(self, f"conv_dw_{i}"), x)))
            x = F.relu6(getattr(self, f"conv_pw_{i}_bn")(getattr(self, f"conv_pw_{i}")(x)))
        return x.mean(dim=(2, 3))
