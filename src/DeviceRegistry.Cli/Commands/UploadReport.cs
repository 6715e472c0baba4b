using DeviceRegistry.Client;

namespace DeviceRegistry.Cli.Commands;

/// <summary>Shows the progress of an upload, and keeps what the command needs at its end.</summary>
internal sealed class UploadReport(Progress progress, string file) : IProgress<UploadProgress>
{
    private static readonly Stage Waiting =
        new("waiting for batches that came before", "waited for batches that came before", null, IsAside: true);
    private static readonly Stage Reading = new("reading lines", "read", Quantity.Lines);
    private static readonly Stage Checking = new("checking", "checked", Quantity.Numbers);
    private static readonly Stage Storing = new("storing units", "stored", Quantity.Rows);
    private static readonly Stage Withdrawing =
        new("taking back what was stored", "took back what was stored", null, IsAside: true);
    private static readonly Stage Reporting = new("writing down bad lines", "wrote down bad lines", Quantity.Lines);

    private readonly Stage _hashing = new($"hashing {file}", $"hashed {file}", Quantity.Bytes, IsAside: true);
    private Stage? _sending;
    private bool _interrupted;

    /// <summary>Number of the batch; 0 while unknown, when nothing of the batch is stored.</summary>
    public ulong BatchNumber { get; private set; }

    /// <summary>Whether the batch was decided before this run: nothing was sent or waited for.</summary>
    public bool WasDecided { get; private set; }

    public void Report(UploadProgress value)
    {
        if (value.Phase is UploadPhase.Interrupted)
        {
            if (!_interrupted) progress.PrintLine($"the registry cannot be reached ({value.Why}); trying again");
            _interrupted = true;
            return;
        }

        var isFirst = BatchNumber is 0 && value.BatchNumber is not 0;
        (BatchNumber, _interrupted) = (value.BatchNumber, false);
        WasDecided = isFirst && value.Phase is not UploadPhase.Sending;
        progress.Show(StageOf(value), value.Done, value.Total);
    }

    private Stage StageOf(UploadProgress value) => value.Phase switch
    {
        UploadPhase.Hashing => _hashing,
        UploadPhase.Sending => _sending ??= Sending(value.Done, value.Total),
        UploadPhase.Reading => Reading,
        UploadPhase.Checking => Checking,
        UploadPhase.Storing => Storing,
        UploadPhase.Reporting => value.Total > 0 ? Reporting : Withdrawing,
        _ => Waiting,
    };

    // The first report contains what an earlier run has sent.
    private Stage Sending(long from, long total)
    {
        if (from > 0) progress.PrintLine(
            $"the registry has {Quantity.Bytes.Text(from)} of {Quantity.Bytes.Text(total)} already; going on from " +
            $"there");
        return new Stage($"sending {file}", $"sent {file}", Quantity.Bytes, from);
    }
}
