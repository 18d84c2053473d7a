using System.Runtime.InteropServices;
using Google.Protobuf;
using SlideMesh.Inference.Packages;

namespace SlideMesh.Models.Graphs;

/// <summary>
/// Writes a graph as an ONNX file. Protobuf prefixes each message with its length, which for weights follows from their shapes: the
/// numbers are loaded one tensor after another while the file is written, and never held together.
/// </summary>
public static class OnnxWriter
{
    /// <summary>Protobuf readers refuse messages from 2 GiB on; room is left for nodes and names.</summary>
    private const long InlineLimit = 2_000_000_000;

    /// <summary>Below this a tensor stays in the graph file even when the others leave it: shapes must be readable without opening a second file.</summary>
    private const long AlwaysInline = 1024;

    /// <summary>So that a runtime can map each tensor into memory.</summary>
    private const long Alignment = 4096;

    // onnx.proto: the last version before opset 18's.
    private const int IrVersion = 8;

    /// <summary>Writes <paramref name="fileName"/> into <paramref name="folder"/>; weights over 2 GB go to a second file beside it.</summary>
    /// <param name="inlineLimit">Bytes of weights from which on they leave the graph file.</param>
    /// <returns>Names of the files written, the graph first.</returns>
    public static IReadOnlyList<string> Save(OnnxGraph graph, string folder, string fileName, long inlineLimit = InlineLimit)
    {
        ArgumentNullException.ThrowIfNull(graph);
        string? dataName = graph.Initialisers.Sum(i => i.Bytes) > inlineLimit ? Path.GetFileNameWithoutExtension(fileName) + ".weights" : null;
        Part[] parts = Place(graph, dataName);
        using (FileStream file = new(Path.Combine(folder, fileName), FileMode.CreateNew, FileAccess.Write))
        {
            WriteModel(graph, parts, file);
        }

        if (dataName is null)
        {
            return [fileName];
        }

        using FileStream data = new(Path.Combine(folder, dataName), FileMode.CreateNew, FileAccess.Write);
        foreach (Part part in parts.Where(p => p.Offset is not null))
        {
            data.SetLength(part.Offset!.Value);
            data.Position = part.Offset.Value;
            WriteNumbers(part.Tensor, data);
        }

        return [fileName, dataName];
    }

    private static Part[] Place(OnnxGraph graph, string? dataName)
    {
        List<Part> parts = [];
        long end = 0;
        foreach (OnnxGraph.Initialiser tensor in graph.Initialisers)
        {
            long? offset = null;
            if (dataName is not null && tensor.Bytes >= AlwaysInline)
            {
                offset = (end + Alignment - 1) / Alignment * Alignment;
                end = offset.Value + tensor.Bytes;
            }

            parts.Add(new Part(tensor, offset, TensorHead(tensor, offset, dataName)));
        }

        return [.. parts];
    }

    // onnx.proto, TensorProto: dims 1, data_type 2, name 8, raw_data 9, external_data 13, data_location 14.
    private static byte[] TensorHead(OnnxGraph.Initialiser tensor, long? offset, string? dataName) => ProtoMessage.Of(o =>
    {
        foreach (long extent in tensor.Shape)
        {
            o.WriteInt(1, extent);
        }

        o.WriteInt(2, (int)tensor.Kind);
        o.WriteString(8, tensor.Name);
        if (offset is { } at)
        {
            o.WriteMessage(13, Entry("location", dataName!));
            o.WriteMessage(13, Entry("offset", $"{at}"));
            o.WriteMessage(13, Entry("length", $"{tensor.Bytes}"));
            o.WriteInt(14, 1);
        }
        else
        {
            o.WriteTag(9, WireFormat.WireType.LengthDelimited);
            o.WriteInt64(tensor.Bytes);
        }
    });

    private static byte[] Entry(string key, string value) => ProtoMessage.Of(o =>
    {
        o.WriteString(1, key);
        o.WriteString(2, value);
    });

    // onnx.proto, ModelProto: ir_version 1, producer_name 2, graph 7, opset_import 8. GraphProto: node 1, name 2, initializer 5,
    // input 11, output 12.
    private static void WriteModel(OnnxGraph graph, Part[] parts, Stream file)
    {
        byte[] head = ProtoMessage.Of(o =>
        {
            o.WriteInt(1, IrVersion);
            o.WriteString(2, "slidemesh");
            o.WriteMessage(8, ProtoMessage.Of(opset => opset.WriteInt(2, OnnxGraph.Opset)));
        });
        byte[] nodes = ProtoMessage.Of(o =>
        {
            foreach (byte[] node in graph.Nodes)
            {
                o.WriteMessage(1, node);
            }

            o.WriteString(2, graph.Name);
        });
        byte[] ends = ProtoMessage.Of(o =>
        {
            foreach (TensorSpec input in graph.Inputs)
            {
                o.WriteMessage(11, ValueInfo(input));
            }

            foreach (TensorSpec output in graph.Outputs)
            {
                o.WriteMessage(12, ValueInfo(output));
            }
        });
        long length = nodes.Length + ends.Length + parts.Sum(p => 1 + VarintLength(p.Length) + p.Length);

        file.Write(head);
        file.Write(Prefix(7, length));
        file.Write(nodes);
        foreach (Part part in parts)
        {
            file.Write(Prefix(5, part.Length));
            file.Write(part.Head);
            if (part.Offset is null)
            {
                WriteNumbers(part.Tensor, file);
            }
        }

        file.Write(ends);
    }

    private static byte[] Prefix(int field, long length) => ProtoMessage.Of(o =>
    {
        o.WriteTag(field, WireFormat.WireType.LengthDelimited);
        o.WriteInt64(length);
    });

    private static int VarintLength(long value) => CodedOutputStream.ComputeInt64Size(value);

    // ValueInfoProto: name 1, type 2; TypeProto: tensor_type 1; Tensor: elem_type 1, shape 2; TensorShapeProto: dim 1; Dimension:
    // dim_value 1, dim_param 2.
    private static byte[] ValueInfo(TensorSpec tensor)
    {
        byte[] shape = ProtoMessage.Of(o =>
        {
            for (int i = 0; i < tensor.Shape.Count; i++)
            {
                long extent = tensor.Shape[i];
                string free = i == 0 ? "N" : $"{tensor.Name}_{i}";
                o.WriteMessage(1, ProtoMessage.Of(d =>
                {
                    if (extent >= 0)
                    {
                        d.WriteInt(1, extent);
                    }
                    else
                    {
                        d.WriteString(2, free);
                    }
                }));
            }
        });
        byte[] type = ProtoMessage.Of(o => o.WriteMessage(1, ProtoMessage.Of(t =>
        {
            t.WriteInt(1, (int)OnnxGraph.ElementKind.Float);
            t.WriteMessage(2, shape);
        })));
        return ProtoMessage.Of(o =>
        {
            o.WriteString(1, tensor.Name);
            o.WriteMessage(2, type);
        });
    }

    private static void WriteNumbers(OnnxGraph.Initialiser tensor, Stream to)
    {
        if (tensor.Integers is { } integers)
        {
            to.Write(MemoryMarshal.AsBytes(integers.AsSpan()));
            return;
        }

        float[] values = tensor.Floats!();
        for (int done = 0; done < values.Length;)
        {
            int part = Math.Min(values.Length - done, 1 << 22);
            to.Write(MemoryMarshal.AsBytes(values.AsSpan(done, part)));
            done += part;
        }
    }

    private sealed record Part(OnnxGraph.Initialiser Tensor, long? Offset, byte[] Head)
    {
        /// <summary>Bytes of the TensorProto.</summary>
        public long Length => Head.Length + (Offset is null ? Tensor.Bytes : 0);
    }
}
