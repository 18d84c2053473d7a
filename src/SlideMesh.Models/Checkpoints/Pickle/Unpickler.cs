using System.Globalization;
using System.Numerics;

namespace SlideMesh.Models.Checkpoints.Pickle;

/// <summary>
/// Reads a pickle as data. Of the machine that a pickle is a program for, only the part is here that builds plain values; a class or
/// function is a pair of names, and the few that PyTorch's own state dicts use are understood by <see cref="TorchGlobals"/>.
/// Everything else is refused by its name: nothing is looked up, imported or run. Memory: that of the values read, each of which took
/// bytes of the file.
/// </summary>
internal sealed class Unpickler(CheckpointFile file, PickleInput input, bool script)
{
    /// <summary>Marks the start of a tuple's or dict's items on the stack.</summary>
    private static readonly object Mark = new();

    /// <summary>
    /// An instruction of one byte can make an object of a hundred. A tensor takes about 40, so this is for 100,000 of them, or less than 500 MB.
    /// </summary>
    private const int MostInstructions = 4_000_000;

    private readonly List<object?> _stack = [];
    private readonly Dictionary<long, object?> _memo = [];
    private readonly TorchGlobals _globals = new(file, script);

    /// <summary>The next pickle of the input.</summary>
    public object? Read()
    {
        _stack.Clear();
        _memo.Clear();
        for (int instructions = 0; instructions < MostInstructions; instructions++)
        {
            byte code = input.Byte();
            if (code == '.')
            {
                return _stack.Count == 1 ? Pop() : throw Damaged();
            }

            Execute(code);
        }

        throw file.Fail($"is a pickle of more than {MostInstructions} instructions; a state dict has far less: it is refused.");
    }

    // The codes are those of Python's Lib/pickletools.py.
    private void Execute(byte code)
    {
        switch (code)
        {
            case 0x80: // PROTO
                byte protocol = input.Byte();
                if (protocol > 5)
                {
                    throw file.Fail($"is a pickle of protocol {protocol}; up to 5 are read: save it again.");
                }

                break;
            case 0x95: // FRAME: a hint about the length.
                _ = input.Int64();
                break;
            case (byte)'(':
                _stack.Add(Mark);
                break;
            case (byte)'0':
                Pop();
                break;
            case (byte)'1':
                PopToMark();
                break;
            case (byte)'2':
                _stack.Add(Peek());
                break;
            case (byte)'N':
                _stack.Add(null);
                break;
            case 0x88:
                _stack.Add(true);
                break;
            case 0x89:
                _stack.Add(false);
                break;
            case (byte)'I' or (byte)'L':
                _stack.Add(DecimalLine());
                break;
            case (byte)'J':
                _stack.Add((long)input.Int32());
                break;
            case (byte)'K':
                _stack.Add((long)input.Byte());
                break;
            case (byte)'M':
                _stack.Add((long)input.UInt16());
                break;
            case 0x8a: // LONG1
                PushLong(input.Bytes(input.Byte()));
                break;
            case (byte)'G':
                _stack.Add(input.Double());
                break;
            case (byte)'X' or (byte)'T': // BINUNICODE; BINSTRING of Python 2, whose names are ASCII.
                _stack.Add(input.Text(input.UInt32()));
                break;
            case 0x8c or (byte)'U':
                _stack.Add(input.Text(input.Byte()));
                break;
            case 0x8d:
                _stack.Add(input.Text(input.Int64()));
                break;
            case (byte)'B':
                _stack.Add(input.Bytes(input.UInt32()));
                break;
            case (byte)'C':
                _stack.Add(input.Bytes(input.Byte()));
                break;
            case (byte)']':
                _stack.Add(new List<object?>());
                break;
            case (byte)'l':
                _stack.Add(new List<object?>(PopToMark()));
                break;
            case (byte)'a':
                object? item = Pop();
                Peek<List<object?>>().Add(item);
                break;
            case (byte)'e':
                object?[] items = PopToMark();
                Peek<List<object?>>().AddRange(items);
                break;
            case (byte)')':
                _stack.Add(Array.Empty<object?>());
                break;
            case (byte)'t':
                _stack.Add(PopToMark());
                break;
            case 0x85 or 0x86 or 0x87:
                _stack.Add(PopLast(code - 0x84));
                break;
            case (byte)'}':
                _stack.Add(new PickleDict());
                break;
            case (byte)'d':
                object?[] pairs = PopToMark();
                PickleDict dict = new();
                SetItems(dict, pairs);
                _stack.Add(dict);
                break;
            case (byte)'s':
                object?[] pair = PopLast(2);
                SetItems(Peek<PickleDict>(), pair);
                break;
            case (byte)'u':
                object?[] many = PopToMark();
                SetItems(Peek<PickleDict>(), many);
                break;
            case (byte)'c':
                _stack.Add(_globals.Known(new PickleGlobal(input.Line(), input.Line())));
                break;
            case 0x93: // STACK_GLOBAL
                object?[] names = PopLast(2);
                _stack.Add(names is [string module, string name] ? _globals.Known(new PickleGlobal(module, name)) : throw Damaged());
                break;
            case (byte)'R':
                object?[] arguments = Pop<object?[]>();
                _stack.Add(_globals.Call(Pop<PickleGlobal>(), arguments));
                break;
            case 0x81: // NEWOBJ
                object?[] newArguments = Pop<object?[]>();
                _stack.Add(_globals.New(Pop<PickleGlobal>(), newArguments));
                break;
            case (byte)'b':
                object? state = Pop();
                _globals.Build(Peek(), state);
                break;
            case (byte)'Q': // BINPERSID
                _stack.Add(_globals.Storage(Pop()));
                break;
            case (byte)'q':
                _memo[input.Byte()] = Peek();
                break;
            case (byte)'r':
                _memo[input.UInt32()] = Peek();
                break;
            case 0x94: // MEMOIZE
                _memo[_memo.Count] = Peek();
                break;
            case (byte)'h':
                _stack.Add(Recall(input.Byte()));
                break;
            case (byte)'j':
                _stack.Add(Recall(input.UInt32()));
                break;
            default:
                throw file.Fail($"is a pickle with the instruction 0x{code:x2}, which state dicts do not use; it is refused. Save the state dict alone: torch.save(model.state_dict(), file).");
        }
    }

    private void PushLong(byte[] littleEndian)
    {
        BigInteger value = new(littleEndian);
        if (value >= long.MinValue && value <= long.MaxValue)
        {
            _stack.Add((long)value);
        }
        else
        {
            _stack.Add(value);
        }
    }

    private object DecimalLine()
    {
        string line = input.Line().TrimEnd('L');
        return line switch
        {
            "00" => false,
            "01" => true,
            _ => long.TryParse(line, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value) ? value : throw Damaged(),
        };
    }

    private object? Recall(long index) => _memo.TryGetValue(index, out object? value) ? value : throw Damaged();

    private static void SetItems(PickleDict dict, object?[] pairs)
    {
        for (int i = 0; i + 1 < pairs.Length; i += 2)
        {
            if (pairs[i] is string key)
            {
                dict[key] = pairs[i + 1];
            }
        }
    }

    private object?[] PopToMark()
    {
        int mark = _stack.FindLastIndex(o => ReferenceEquals(o, Mark));
        if (mark < 0)
        {
            throw Damaged();
        }

        object?[] items = [.. _stack.Skip(mark + 1)];
        _stack.RemoveRange(mark, _stack.Count - mark);
        return items;
    }

    private object?[] PopLast(int count)
    {
        if (_stack.Count < count)
        {
            throw Damaged();
        }

        object?[] items = [.. _stack.GetRange(_stack.Count - count, count)];
        _stack.RemoveRange(_stack.Count - count, count);
        return items.Any(i => ReferenceEquals(i, Mark)) ? throw Damaged() : items;
    }

    private object? Pop() => PopLast(1)[0];

    private T Pop<T>() => Pop() is T value ? value : throw Damaged();

    private object? Peek() => _stack.Count > 0 && !ReferenceEquals(_stack[^1], Mark) ? _stack[^1] : throw Damaged();

    private T Peek<T>() => Peek() is T value ? value : throw Damaged();

    private CheckpointException Damaged() => file.Fail($"is no sound pickle (near byte {input.Position}); it is damaged or not a checkpoint: fetch it again.");
}
