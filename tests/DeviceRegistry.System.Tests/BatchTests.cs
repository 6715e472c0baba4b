using System.Security.Cryptography;
using System.Text;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.TestKit;
using Grpc.Core;

namespace DeviceRegistry.System.Tests;

[CancelAfter(Patience.TestMs)]
public sealed class BatchTests
{
    [Test]
    public async Task A_batch_of_5500_dual_sim_phones_gets_a_receipt()
    {
        var (file, units) = TestImei.DualSim(5_500);

        var (receipt, _, refusal) = await Registry.RegisterAsync(Registry.Header(), file);

        var canonical = string.Concat(units.Select(u => $"{u.Serial},{u.First.Digits},{u.Second.Digits}\n"));
        Assert.That(refusal, Is.Null);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(receipt!.Units, Is.EqualTo(5_500u));
            Assert.That(receipt.Imeis, Is.EqualTo(11_000u));
        }

        Assert.That(receipt.ContentHash.ToByteArray(), Is.EqualTo(SHA256.HashData(Encoding.UTF8.GetBytes(canonical))));
        Assert.That(receipt.BatchNumber, Is.Positive);
        Assert.That(receipt.JournalPosition, Is.Positive);
    }

    [Test]
    public async Task The_same_batch_sent_twice_gets_the_same_receipt()
    {
        var header = Registry.Header();
        var (file, _) = TestImei.DualSim(3);

        var first = await Registry.RegisterAsync(header, file);
        var second = await Registry.RegisterAsync(header, file);

        Assert.That(second.Receipt, Is.EqualTo(first.Receipt).And.Not.Null);
    }

    [Test]
    public async Task Eight_senders_of_the_same_batch_at_once_get_the_same_receipt()
    {
        var header = Registry.Header();
        var (file, _) = TestImei.DualSim(200);

        var all = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Registry.RegisterAsync(header, file)));

        Assert.That(all.Select(a => a.Receipt), Is.All.EqualTo(all[0].Receipt).And.All.Not.Null);
    }

    [Test]
    public async Task The_same_reference_with_another_file_is_refused()
    {
        var header = Registry.Header();
        await Registry.RegisterAsync(header, TestImei.DualSim(2).File);

        var (receipt, _, refusal) = await Registry.RegisterAsync(header, TestImei.DualSim(2).File);

        Assert.That(receipt, Is.Null);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(refusal!.StatusCode, Is.EqualTo(StatusCode.AlreadyExists));
            Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("REFERENCE_REUSED"));
        }
    }

    [Test]
    public async Task A_registered_file_with_an_added_line_counts_as_other_content()
    {
        var header = Registry.Header();
        var (file, _) = TestImei.DualSim(2);
        await Registry.RegisterAsync(header, file);

        var (_, _, refusal) = await Registry.RegisterAsync(header, [.. file, .. "X,123,456\n"u8]);

        Assert.That(Registry.ReasonOf(refusal!), Is.EqualTo("REFERENCE_REUSED"));
    }

    [Test]
    public async Task One_invalid_line_rejects_the_whole_batch()
    {
        var header = Registry.Header();
        var (file, units) = TestImei.DualSim(50);
        var bad = units[20].First;
        var invalid = Encoding.UTF8.GetString(file)
            .Replace(bad.Printed, bad.Digits + (bad.Printed[14] == '0' ? '1' : '0'), StringComparison.Ordinal);

        var (receipt, faults, refusal) = await Registry.RegisterAsync(header, Encoding.UTF8.GetBytes(invalid));
        var corrected = await Registry.RegisterAsync(header, file);

        Assert.That(receipt, Is.Null);
        Assert.That(Registry.ReasonOf(refusal!), Is.EqualTo("BATCH_HAS_INVALID_LINES"));
        Assert.That(faults.Select(f => (f.Line, f.Field, f.Reason)), Is.EqualTo([(22u, "imei_1", "IMEI_CHECK_DIGIT")]));
        Assert.That(faults[0].Expected, Does.Contain($"check digit {bad.Printed[14]}"));
        Assert.That(corrected.Receipt, Is.Not.Null, "the corrected file registers under the same reference");
    }

    [Test]
    public async Task Every_invalid_line_is_reported_with_its_first_error()
    {
        var taken = (await Registry.GivenReleasedAsync())[0];
        var blocked = TestImei.Next();
        await Registry.GivenBlockedAsync(blocked);
        var (good, twice) = (TestImei.Next(), TestImei.Next());
        var foreign = TestImei.Next(35290699);
        var unknown = TestImei.Next(35999999);
        var file = $"""
            serial_number,imei_1,imei_2
            S1,{TestImei.Next().Digits},{TestImei.Next().Printed}
            S2,,{TestImei.Next().Digits}
            S3,3529061100000A,{TestImei.Next().Digits}
            S4,3529061100000,{TestImei.Next().Digits}
            S5,3529061100000011,{TestImei.Next().Digits}
            S6,35290611000000,{TestImei.Next().Digits}
            S7,{unknown.Digits},{TestImei.Next().Digits}
            S8,{foreign.Digits},{TestImei.Next().Digits}
            S9,{taken.First.Digits},{TestImei.Next().Digits}
            S10,{blocked.Digits},{TestImei.Next().Digits}
            S11,{good.Digits},
            S1,{TestImei.Next().Digits},{TestImei.Next().Digits}
            S13,{twice.Digits},{twice.Digits}
            {taken.Serial},{TestImei.Next().Digits},{TestImei.Next().Digits}
            S 15,{TestImei.Next().Digits},{TestImei.Next().Digits}
            S16,{TestImei.Next().Digits}
            """;

        var (_, faults, _) = await Registry.RegisterAsync(Registry.Header(), Encoding.UTF8.GetBytes(file));

        Assert.That(faults.Select(f => $"{f.Line} {f.Field} {f.Reason}"), Is.EqualTo(
        [
            "3 imei_1 IMEI_MISSING", "4 imei_1 IMEI_NOT_DIGITS", "5 imei_1 IMEI_LENGTH", "6 imei_1 IMEI_LENGTH",
            "7 imei_1 IMEI_IMPLAUSIBLE",
            "8 imei_1 TAC_UNKNOWN", "9 imei_1 TAC_NOT_MANDATED", "10 imei_1 IMEI_TAKEN", "11 imei_1 IMEI_BLOCKED",
            "12 imei_1 IMEI_COUNT_MISMATCH",
            "13 serial_number DUPLICATE_SERIAL_IN_FILE", "14 imei_2 DUPLICATE_IMEI_IN_FILE",
            "15 serial_number SERIAL_TAKEN",
            "16 serial_number SERIAL_INVALID",
            "17 line LINE_MALFORMED",
        ]));
    }

    [TestCase(AuthorizationState.Suspended, AuthorizationKind.Manufacturing)]
    [TestCase(AuthorizationState.Revoked, AuthorizationKind.Manufacturing)]
    [TestCase(AuthorizationState.Active, AuthorizationKind.Import)]
    public async Task An_inactive_or_unsuitable_authorization_allows_no_batch(AuthorizationState state,
        AuthorizationKind kind)
    {
        var number = Registry.NewReference();
        await Registry.ChangeAsync(new Change
        {
            Authorization = new PutAuthorizationRequest
            {
                Number = number, Party = "maker-a-mobiles", Kind = kind, State = state, ValidFrom = "2021-01-01",
                ValidUntil = "2031-01-01", LegalBasis = "law",
            },
        });
        var header = Registry.Header();
        header.Authorization = number;

        var (_, _, refusal) = await Registry.RegisterAsync(header, TestImei.DualSim(1).File);

        Assert.That(Registry.ReasonOf(refusal!), Is.EqualTo("AUTHORIZATION_NOT_IN_FORCE"));
    }

    [Test]
    public async Task An_importer_registers_under_an_import_authorization_without_a_mandate()
    {
        var header = Registry.Header();
        (header.Authorization, header.Origin) = ("IMP-0001", DeviceOrigin.ImportCommercial);

        var (receipt, _, refusal) = await Registry.RegisterAsync(header, TestImei.DualSim(1).File, "importer-a");

        Assert.That(refusal?.Status.Detail, Is.Null);
        Assert.That(receipt!.Imeis, Is.EqualTo(2));
    }

    [Test]
    public async Task Of_two_concurrent_batches_with_the_same_imeis_one_is_registered()
    {
        var (file, _) = TestImei.DualSim(3_000);
        var lines = Encoding.UTF8.GetString(file).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var reversed = Encoding.UTF8.GetBytes(string.Join('\n', lines.Take(1).Concat(lines.Skip(1).Reverse())));

        var results = await Task.WhenAll(Registry.RegisterAsync(Registry.Header(), file),
            Registry.RegisterAsync(Registry.Header(), reversed));

        Assert.That(results.Count(b => b.Receipt is not null), Is.EqualTo(1));
        Assert.That(results.Single(b => b.Receipt is null).Faults, Has.Count.EqualTo(3_000));
    }

    [Test]
    public async Task Blank_lines_are_ignored_but_count_in_line_numbers()
    {
        var good = TestImei.Next();
        var file =
            $"serial_number,imei_1,imei_2\n\nB1,{good.Digits},{TestImei.Next().Digits}\n\n"
            + $"B2,123,{TestImei.Next().Digits}\n";

        var (_, faults, _) = await Registry.RegisterAsync(Registry.Header(), Encoding.UTF8.GetBytes(file));

        Assert.That(faults.Select(f => (f.Line, f.Reason)), Is.EqualTo([(5u, "IMEI_LENGTH")]));
    }

    [Test]
    public async Task A_repeated_release_of_a_batch_gets_the_first_answer()
    {
        var (receipt, _, _) = await Registry.RegisterAsync(Registry.Header(), TestImei.DualSim(1).File);
        await Registry.CertifyAsync(receipt!.BatchNumber);
        var request = new ReleaseBatchRequest
        {
            Reference = Registry.NewReference(),
            BatchNumber = receipt.BatchNumber
        };

        var first = await Registry.Registration("maker-a").ReleaseBatchAsync(request);
        var second = await Registry.Registration("maker-a").ReleaseBatchAsync(request);

        Assert.That(second, Is.EqualTo(first));
    }

    [Test]
    public async Task A_check_before_release_is_not_compliant()
    {
        var (file, units) = TestImei.DualSim(1);
        var (receipt, _, _) = await Registry.RegisterAsync(Registry.Header(), file);
        var registered = await Registry.CheckAsync(units[0].First);
        await Registry.CertifyAsync(receipt!.BatchNumber);

        var certified = await Registry.CheckAsync(units[0].First);

        using (Assert.EnterMultipleScope())
        {
            Assert.That(registered.Reason, Is.EqualTo(CheckReason.FirstSeen));
            Assert.That(certified.Reason, Is.EqualTo(CheckReason.FirstSeen));
        }
    }

    [Test]
    public async Task A_released_unit_is_compliant_under_both_its_imeis()
    {
        var unit = (await Registry.GivenReleasedAsync())[0];

        var (first, second) = (await Registry.CheckAsync(unit.First), await Registry.CheckAsync(unit.Second));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(first.Verdict, Is.EqualTo(Verdict.Allow));
            Assert.That(first.Reason, Is.EqualTo(CheckReason.Compliant));
            Assert.That(first.Row, Is.EqualTo("14b"));
            Assert.That(second.Verdict, Is.EqualTo(Verdict.Allow));
            Assert.That(second.Reason, Is.EqualTo(CheckReason.Compliant));
        }
    }

    [Test]
    public async Task A_manufacturer_cannot_release_an_uncertified_batch()
    {
        var (receipt, _, _) = await Registry.RegisterAsync(Registry.Header(), TestImei.DualSim(1).File);

        var refusal = await Registry.RefusalOfAsync(async () =>
            await Registry.Registration("maker-a")
                .ReleaseBatchAsync(new ReleaseBatchRequest
                {
                    Reference = Registry.NewReference(),
                    BatchNumber = receipt!.BatchNumber
                }));

        Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("WRONG_STATE"));
    }

    [Test]
    public async Task One_person_cannot_certify_a_batch_alone()
    {
        var (receipt, _, _) = await Registry.RegisterAsync(Registry.Header(), TestImei.DualSim(1).File);
        await Registry.Registration("regulator-a")
            .CertifyBatchAsync(new CertifyBatchRequest
            {
                Reference = Registry.NewReference(),
                BatchNumber = receipt!.BatchNumber
            });

        var refusal = await Registry.RefusalOfAsync(async () =>
            await Registry.Registration("regulator-a")
                .CertifyBatchAsync(new CertifyBatchRequest
                {
                    Reference = Registry.NewReference(),
                    BatchNumber = receipt.BatchNumber
                }));

        Assert.That(Registry.ReasonOf(refusal), Is.EqualTo("SECOND_PERSON_REQUIRED"));
    }

    [Test]
    public async Task Another_manufacturers_batch_is_not_found()
    {
        var (receipt, _, _) = await Registry.RegisterAsync(Registry.Header(), TestImei.DualSim(1).File);

        var release = await Registry.RefusalOfAsync(async () =>
            await Registry.Registration("maker-b")
                .ReleaseBatchAsync(new ReleaseBatchRequest
                {
                    Reference = Registry.NewReference(),
                    BatchNumber = receipt!.BatchNumber
                }));
        var read = await Registry.RefusalOfAsync(async () => await Registry.Reads("maker-b")
            .GetBatchAsync(new GetBatchRequest { BatchNumber = receipt!.BatchNumber }));

        using (Assert.EnterMultipleScope())
        {
            Assert.That(release.StatusCode, Is.EqualTo(StatusCode.NotFound));
            Assert.That(read.StatusCode, Is.EqualTo(StatusCode.NotFound));
        }
    }

    [Test]
    public async Task Of_concurrent_batches_with_one_imei_in_common_one_is_registered()
    {
        var shared = TestImei.Next();
        byte[] File(string serial) =>
            Encoding.UTF8.GetBytes($"serial_number,imei_1,imei_2\n{serial},{shared.Digits},{TestImei.Next().Digits}\n");

        var all = await Task.WhenAll(Enumerable.Range(0, 6)
            .Select(n => Registry.RegisterAsync(Registry.Header(), File($"R{shared.Value}-{n}"))));

        Assert.That(all.Count(a => a.Receipt is not null), Is.EqualTo(1));
        Assert.That(all.Where(a => a.Receipt is null).SelectMany(a => a.Faults).Select(f => f.Reason),
            Is.All.EqualTo("IMEI_TAKEN").And.Exactly(5).Items);
    }
}
