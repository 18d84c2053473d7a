namespace SlideMesh.Models.Architectures.Encoders;

/// <summary>Every encoder that can be imported.</summary>
public static class EncoderCatalog
{
    public static IReadOnlyList<IArchitecture> All { get; } =
    [
        new ResNet("resnet18", [2, 2, 2, 2], bottleneck: false),
        new ResNet("resnet34", [3, 4, 6, 3], bottleneck: false),
        new ResNet("resnet50", [3, 4, 6, 3], bottleneck: true),
        new ResNet("resnet50-layer3", [3, 4, 6], bottleneck: true),
        new ResNet("resnet101", [3, 4, 23, 3], bottleneck: true),
        new DenseNet(),
        new MobileNetV1(),
        new InceptionV3(),
        new EfficientNet(),
        new ConvNeXt(),
        new SwinTransformer(),
        new VisionTransformer(),
    ];
}
