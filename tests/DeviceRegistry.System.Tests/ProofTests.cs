using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using DeviceRegistry.Contracts;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.TestKit;
using Google.Protobuf;
using Grpc.Core;
using Npgsql;

namespace DeviceRegistry.System.Tests;

/// <summary>Later proof of who signed an order and that the journal was not rewritten, also by a court on its
/// own.</summary>
[CancelAfter(Patience.TestMs)]
public sealed class ProofTests
{
    private static RegistryProcess _registry = null!;
    private static string _database = "";

    [OneTimeSetUp]
    public static async Task Start()
    {
        _database = await Registry.Cluster.CloneAsync();
        _registry = await RegistryProcess.StartAsync(Registry.NewFolder(), "--demo", "--database",
            Registry.ConnectionString(_database), "--checkpoint-entries", "8");
    }

    [OneTimeTearDown]
    public static async Task Stop() => await _registry.DisposeAsync();

    [Test]
    public async Task A_draft_needs_its_drafters_signature_over_its_exact_content()
    {
        using var own = _registry.Certificate("regulator-a").GetECDsaPrivateKey()!;
        using var another = _registry.Certificate("regulator-b").GetECDsaPrivateKey()!;
        async Task<string> FieldOfAsync(Func<DraftOrderRequest, Signature?> sign)
        {
            var draft = Registry.Draft(TestImei.Next());
            draft.Signature = sign(draft);
            var plain = new OrdersService.OrdersServiceClient(_registry.Channel("registrar", "regulator-a"));
            return StatusMapping.FieldsOf(await Registry.RefusalOfAsync(async () => await plain.DraftOrderAsync(draft)))
                .Single().Field;
        }

        Assert.That(await FieldOfAsync(_ => null), Is.EqualTo("signature"));
        Assert.That(await FieldOfAsync(d => OrderSigning.SignDraft(d, another)),
            Is.EqualTo("signature.ecdsa.public_key"));
        Assert.That(await FieldOfAsync(d => OrderSigning.SignDraft(Registry.Draft(TestImei.Next()), own)),
            Is.EqualTo("signature.ecdsa.signature"));
        Assert.That(await FieldOfAsync(d =>
        {
            var unsalted = OrderSigning.SignDraft(d, own);
            unsalted.Salt = ByteString.Empty;
            return unsalted;
        }), Is.EqualTo("signature.salt"));
    }

    [Test]
    public async Task An_approval_is_valid_only_for_the_draft_that_was_signed()
    {
        var order = (await As("regulator-a").DraftOrderAsync(Registry.Draft(TestImei.Next()))).Order.OrderNumber;
        using var key = _registry.Certificate("regulator-b").GetECDsaPrivateKey()!;
        var draft = (await As("regulator-b")
            .GetDraftAsync(new GetDraftRequest { OrderNumber = order })).Block;
        var digest = OrderSigning.DraftDigest(draft, draft.Signature);
        async Task<string> FieldOfAsync(byte[] seen, ulong against, Func<ApproveOrderRequest, Signature> sign)
        {
            var approval = new ApproveOrderRequest
            {
                Reference = Registry.NewReference(), OrderNumber = order,
                DraftDigest = ByteString.CopyFrom(seen), TargetOrderNumber = against
            };
            approval.Signature = sign(approval);
            return StatusMapping.FieldsOf(
                await Registry.RefusalOfAsync(async () => await As("regulator-b").ApproveOrderAsync(approval)))
                .Single().Field;
        }

        var other = SHA256.HashData([1]);
        Assert.That(await FieldOfAsync([], 0, a => OrderSigning.SignApproval(order, other, 0, key)),
            Is.EqualTo("draft_digest"));
        Assert.That(await FieldOfAsync(other, 0, a => OrderSigning.SignApproval(order, other, 0, key)),
            Is.EqualTo("draft_digest"));
        Assert.That(await FieldOfAsync(digest, 5, a => OrderSigning.SignApproval(order, digest, 5, key)),
            Is.EqualTo("against"));
        Assert.That(await FieldOfAsync(digest, 0, a => OrderSigning.SignApproval(order + 1, digest, 0, key)),
            Is.EqualTo("signature.ecdsa.signature"));
        Assert.That((await As("regulator-b")
            .ApproveOrderAsync(new ApproveOrderRequest
            {
                Reference = Registry.NewReference(),
                OrderNumber = order
            })).Order.State, Is.EqualTo(OrderState.InForce));
    }

    [Test]
    public async Task A_retry_with_a_new_signature_gets_the_first_answer()
    {
        var draft = Registry.Draft(TestImei.Next());
        var first = await As("regulator-a").DraftOrderAsync(draft);
        var approval = new ApproveOrderRequest
        {
            Reference = Registry.NewReference(),
            OrderNumber = first.Order.OrderNumber
        };
        var approved = await As("regulator-b").ApproveOrderAsync(approval);

        Assert.That(await As("regulator-a").DraftOrderAsync(draft), Is.EqualTo(first));
        Assert.That(await As("regulator-b").ApproveOrderAsync(approval), Is.EqualTo(approved));
    }

    [Test]
    public async Task The_journal_verifies_from_the_start_and_from_a_checkpoint()
    {
        for (var i = 0; i < 4; i++) await BlockAsync(TestImei.Next());
        await Registry.UntilAsync(async _ => (await CheckpointAsync())?.StateDigest.Length > 0);

        var (code, output) = await Scripts.DregAsync(_registry, "journal", "verify", "--json");
        Assert.That(code, Is.Zero, output);
        var whole = JsonNode.Parse(output)!;
        Assert.That((bool)whole["intact"]!, Is.True);
        Assert.That((int)whole["order_signatures"]!, Is.GreaterThanOrEqualTo(8));
        Assert.That((int)whole["checkpoints"]!, Is.GreaterThanOrEqualTo(1));

        (code, output) = await Scripts.DregAsync(_registry, "journal", "verify", "--from", "checkpoint", "--json");
        Assert.That(code, Is.Zero, output);
        var rest = JsonNode.Parse(output)!;
        Assert.That((ulong)rest["after_position"]!, Is.GreaterThan(0));
        Assert.That((ulong)rest["after_position"]! + (ulong)rest["entries"]!,
            Is.GreaterThanOrEqualTo((ulong)whole["entries"]!));
    }

    [Test]
    public async Task An_order_proof_verifies_with_the_root_certificate_alone()
    {
        var order = (await BlockAsync(TestImei.Next())).OrderNumber;
        var lift = (await As("regulator-c")
            .DraftOrderActionAsync(new DraftOrderActionRequest
            {
                Action = OrderAction.Lift,
                Reference = Registry.NewReference(),
                OrderNumber = order, Basis = "found"
            })).Order.OrderNumber;
        await As("regulator-d").ApproveOrderAsync(
            new ApproveOrderRequest { Reference = Registry.NewReference(), OrderNumber = lift });
        var (folder, file) = (Registry.NewFolder(), Path.Combine(Registry.NewFolder(), "order.json"));

        var (code, output) = await Scripts.DregAsync(_registry, "journal", "export-proof", $"{order}", "--out", file);
        Assert.That(code, Is.Zero, output);

        File.Copy(Path.Combine(_registry.State, "certs", "root.pem"), Path.Combine(folder, "root.pem"));
        (code, output) = await CheckAsync(file, folder);
        Assert.That(code, Is.Zero, output);
        Assert.That(output, Does.Contain("the proof holds").And.Contain(
            "by regulator-a: class C, STOLEN, FIR 123/2026").And.Contain("by regulator-d").And.Contain(
            $"of order {order} through order {lift}"));

        // Every byte matters: a change in the text of a draft, in a signature, a link or a checkpoint is found.
        var proof = JsonParser.Default.Parse<OrderProof>(await File.ReadAllTextAsync(file));
        foreach (var change in Changes())
        {
            var changed = proof.Clone();
            change(changed);
            await File.WriteAllTextAsync(file, JsonFormatter.Default.Format(changed));
            (code, output) = await CheckAsync(file, folder);
            Assert.That(code, Is.Not.Zero, output);
            Assert.That(output, Does.Contain("does not hold"), output);
        }
    }

    [Test]
    public async Task An_invalid_order_number_or_proof_gets_a_message()
    {
        var (code, output) = await Scripts.DregAsync(_registry, "journal", "export-proof", "999999", "--out",
            Path.Combine(Registry.NewFolder(), "x.json"));
        Assert.That(code, Is.EqualTo(1), output);
        Assert.That(output, Does.Contain("There is no order 999999"));

        var file = Path.Combine(Registry.NewFolder(), "x.json");
        await File.WriteAllTextAsync(file, "{ nothing");
        (_, output) = await CheckAsync(file, Path.Combine(_registry.State, "certs"));
        Assert.That(output, Does.Contain("is no proof of an order").And.Contain("dreg journal export-proof"));
    }

    [Test]
    public async Task A_forged_order_or_checkpoint_in_the_journal_is_found()
    {
        // 1. A separate registry. An attacker has the password of its database.
        var database = await Registry.Cluster.CloneAsync();
        await using var registry = await RegistryProcess.StartAsync(Registry.NewFolder(), "--demo", "--database",
            Registry.ConnectionString(database), "--checkpoint-seconds", "86400");
        registry.MayLogErrors = true;
        var victim = TestImei.Next();
        var forged = await AppendAsync(database, JournalKind.OrderArmed,
            new OrderArmed
            {
                OrderNumber = 4711, OrderClass = OrderClass.C, CheckReason = CheckReason.Stolen,
                ImeiDeltas = { victim.Value }
            }, binding: true);
        var root = await HashAtAsync(database, forged);
        var statement = new CheckpointStatement
        {
            Epoch = 1, Position = forged, Hash = ByteString.CopyFrom(root),
            AtUs = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds() * 1000
        };
        using var wrong = TestCertificate("checkpoint");
        var wrongKey = await AppendAsync(database, JournalKind.Checkpoint, CheckpointRules.Sign(statement, wrong),
            binding: false);

        // 2. A stolen checkpoint key signs a state that differs from the real one.
        statement.StateDigest = ByteString.CopyFrom(SHA256.HashData([1]));
        var wrongState = await AppendAsync(database, JournalKind.Checkpoint,
            CheckpointRules.Sign(statement, registry.Certificate("checkpoint")), binding: false);
        statement.Hash = ByteString.CopyFrom(SHA256.HashData([2]));
        var wrongHistory = await AppendAsync(database, JournalKind.Checkpoint,
            CheckpointRules.Sign(statement, registry.Certificate("checkpoint")), binding: false);

        await AppendAsync(database, JournalKind.Checkpoint,
            new Checkpoint { Statement = ByteString.CopyFrom(255), Certificate = ByteString.CopyFrom(255) },
            binding: false);

        // 3. The node reports the mismatch and continues to answer. Verification of the journal names each forged
        // entry.
        await Registry.UntilAsync(_ =>
            Task.FromResult(registry.Output.Contains("signs for another history", StringComparison.Ordinal)));
        Assert.That(registry.Output, Does.Contain("Checkpoint does not match this node").And.Contain(
            "does not lead to the registry's root").And.Contain("is not the one that the registry signed for"));
        var blocked = TestImei.Next();
        var draft = await new OrdersService.OrdersServiceClient(registry.Signer("regulator-a"))
            .DraftOrderAsync(Registry.Draft(blocked));
        var approved = await new OrdersService.OrdersServiceClient(registry.Signer("regulator-b"))
            .ApproveOrderAsync(new ApproveOrderRequest
            {
                Reference = Registry.NewReference(),
                OrderNumber = draft.Order.OrderNumber
            });
        var attach = new AttachService.AttachServiceClient(registry.Channel("attach", "operator-a"));
        await Registry.AppliedAsync(approved.JournalPosition, attach);
        Assert.That((await attach.CheckAsync(new CheckRequest { Imei = blocked.Digits })).Verdict,
            Is.EqualTo(Verdict.Deny));

        var (code, output) = await Scripts.DregAsync(registry, "journal", "verify", "--json");
        Assert.That(code, Is.Not.Zero);
        var doubts = JsonNode.Parse(output)!.ToJsonString();
        Assert.That(doubts, Does.Contain("nobody drafted order 4711").And.Contain(
            "does not lead to the registry").And.Contain("signs for another history"));
        foreach (var position in (ulong[])[forged, wrongKey, wrongHistory]) Assert.That(doubts,
            Does.Contain($"\"position\":{position}"));
        Assert.That(doubts, Does.Not.Contain($"\"position\":{wrongState}"),
            "a state that only a node has, nobody else can compare");

        // 4. An order number inserted between a draft and its approval is armed with the order. The comparison of the
        // tables with the signed drafts finds it.
        var slipped = TestImei.Next();
        var (first, other) = (TestImei.Next(), TestImei.Next());
        var named = (await new OrdersService.OrdersServiceClient(registry.Signer("regulator-a"))
            .PseudonymizeSubscribersAsync(
            new PseudonymizeSubscribersRequest { Imsis = { "410010000000001", "410010000000002" } })).Subscribers;
        var both = Registry.Draft(TestImei.Next());
        both.Pairs.Add([new OrderPair { Equipment = first.Digits, Subscriber = named[0] },
            new OrderPair { Equipment = other.Digits, Subscriber = named[1] }]);
        var second = await new OrdersService.OrdersServiceClient(registry.Signer("regulator-a")).DraftOrderAsync(both);
        await ExecuteAsync(database,
            $"INSERT INTO order_items (order_number, kind, value) VALUES ({second.Order.OrderNumber}, 1, " +
            $"{slipped.Value})");
        await ExecuteAsync(database,
            $"INSERT INTO order_items SELECT order_number, kind, {first.Value}, detail, party_id FROM order_items " +
            $"WHERE order_number = {second.Order.OrderNumber} AND value = {other.Value}");
        await new OrdersService.OrdersServiceClient(registry.Signer("regulator-b"))
            .ApproveOrderAsync(new ApproveOrderRequest
            {
                Reference = Registry.NewReference(),
                OrderNumber = second.Order.OrderNumber
            });
        (code, output) = await Scripts.DregAsync(registry, "journal", "verify-state");
        Assert.That(code, Is.Not.Zero);
        Assert.That(output, Does.Contain($"order_items {second.Order.OrderNumber}/1/{slipped.Value}").And.Contain(
            $"order_items {second.Order.OrderNumber}/6/{first.Value}/{(long)named[1].Pseudonym}"), output);

        // 5. The registry continues to sign checkpoints, and proofs under them verify.
        (code, output) = await Scripts.DregAsync(registry, "journal", "export-proof", $"{draft.Order.OrderNumber}",
            "--out",
            Path.Combine(Registry.NewFolder(), "order.json"));
        Assert.That(code, Is.Zero, output);
    }

    private static IEnumerable<Action<OrderProof>> Changes()
    {
        yield return p =>
            p.Entries.First(IsDraft).PrivateBytes =
            ByteString.CopyFrom([.. p.Entries.First(IsDraft).PrivateBytes.Span, 8, 1]);
        yield return p => p.Entries.First(IsDraft).Entry.AtUs++;
        yield return p => p.Entries.First(IsDraft).Entry.PublicBytes = p.Entries.Last(IsDraft).Entry.PublicBytes;
        yield return p => p.Entries.Remove(p.Entries.First(IsDraft));
        yield return p => p.Ranges[0].Links[0].AtUs++;
        yield return p => p.Ranges[0].Links.RemoveAt(p.Ranges[0].Links.Count - 1);
        yield return p => p.Ranges[0].Checkpoint.Signature = ByteString.CopyFrom(new byte[70]);
        yield return p => p.Ranges.Clear();
        yield return p => p.OrderNumber += 1_000;
    }

    private static bool IsDraft(ProvenEntry entry) => (JournalKind)entry.Entry.Kind is JournalKind.OrderDrafted;

    private static Task<(int Code, string Output)> CheckAsync(string file, string certificates) => Scripts.DregAsync(
        "journal", "verify-proof", file, "--certs", certificates, "--registrar", "https://localhost:1");

    private static OrdersService.OrdersServiceClient As(string who) => new(_registry.Signer(who));

    private static async Task<OrderSummary> BlockAsync(Core.Imei imei)
    {
        var order = (await As("regulator-a").DraftOrderAsync(Registry.Draft(imei))).Order.OrderNumber;
        return (await As("regulator-b")
            .ApproveOrderAsync(new ApproveOrderRequest
            {
                Reference = Registry.NewReference(),
                OrderNumber = order
            })).Order;
    }

    private static async Task<CheckpointStatement?> CheckpointAsync()
    {
        try
        {
            var found = await new ProofService.ProofServiceClient(_registry.Channel("registrar", "auditor-a"))
                .GetLatestCheckpointAsync(new GetLatestCheckpointRequest());
            return CheckpointStatement.Parser.ParseFrom(Checkpoint.Parser.ParseFrom(found.Entry.PublicBytes).Statement);
        }
        catch (RpcException none) when (none.StatusCode is StatusCode.NotFound)
        {
            return null;
        }
    }

    // Calls the journal's database functions with the role of the service.
    private static async Task<ulong> AppendAsync(string database, JournalKind kind, IMessage payload, bool binding)
    {
        await using var connection = new NpgsqlConnection(Registry.ConnectionString(database) + ";Pooling=false");
        await connection.OpenAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        var id = Guid.CreateVersion7();
        await using var stage = new NpgsqlCommand("SELECT journal_stage($1, $2, $3, 0, $4, '', '{}', '{}')", connection)
        {
            Parameters = { new() { Value = id }, new() { Value = (int)kind }, new() { Value = binding },
                new() { Value = payload.ToByteArray() } },
        };
        await stage.ExecuteNonQueryAsync();
        await using var append = new NpgsqlCommand("SELECT journal_append($1)",
            connection)
        { Parameters = { new() { Value = new[] { id } } } };
        var position = (ulong)(long)(await append.ExecuteScalarAsync())!;
        await transaction.CommitAsync();
        return position;
    }

    private static async Task ExecuteAsync(string database, string sql)
    {
        await using var connection = new NpgsqlConnection(Registry.ConnectionString(database) + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private static async Task<byte[]> HashAtAsync(string database, ulong position)
    {
        await using var connection = new NpgsqlConnection(Registry.ConnectionString(database) + ";Pooling=false");
        await connection.OpenAsync();
        await using var hash = new NpgsqlCommand("SELECT hash FROM journal WHERE position = $1",
            connection)
        { Parameters = { new() { Value = (long)position } } };
        return (byte[])(await hash.ExecuteScalarAsync())!;
    }

    private static X509Certificate2 TestCertificate(string name)
    {
        var request = new CertificateRequest($"CN={name}", ECDsa.Create(ECCurve.NamedCurves.nistP256),
            HashAlgorithmName.SHA256);
        return request.CreateSelfSigned(
            TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(1));
    }
}
