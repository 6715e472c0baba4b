using System.Globalization;
using DeviceRegistry.Contracts.V1;
using DeviceRegistry.Postgres.Schema;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Microsoft.EntityFrameworkCore;

namespace DeviceRegistry.Registrar.Registration;

/// <summary>Rows of registration → the wire.</summary>
internal static class BatchMapping
{
    public static async Task<BatchSummary> ToSummaryAsync(this BatchRow batch, RegistryContext db, CancellationToken ct) => new()
    {
        BatchNumber = (ulong)batch.Number,
        Reference = batch.Reference,
        Party = await db.Parties.Where(p => p.Id == batch.PartyId).Select(p => p.Name).SingleAsync(ct),
        State = (Contracts.V1.BatchState)batch.State,
        Units = (uint)batch.Units,
        Imeis = (uint)batch.Imeis,
        Model = batch.Model,
        Origin = (DeviceOrigin)batch.Origin,
        ProducedOn = batch.ProducedOn.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
        Authorization = batch.AuthorizationNumber,
        ContentHash = ByteString.CopyFrom(batch.ContentHash),
        RegisteredAt = Timestamp.FromDateTime(batch.RegisteredAt),
    };
}
