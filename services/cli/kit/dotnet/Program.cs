// A partner in C#: mutual TLS, deadlines, a stream that goes on where it was.
//
//     dotnet run -- PROFILE whoami
//     dotnet run -- PROFILE follow JOURNAL
//
// PROFILE is a folder with ca.pem, client.pem, client.key and profile.toml. This sample was written
// with care and has not been run by those who wrote it: see the README.

using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.RegularExpressions;
using Google.Rpc;
using Grpc.Core;
using Grpc.Net.Client;
using Samsyn.V1;

if (args.Length < 2)
{
    Console.Error.WriteLine("PROFILE whoami | PROFILE follow JOURNAL");
    return 2;
}
using var partner = new Partner(args[0]);
try
{
    switch (args[1])
    {
        case "whoami":
            var me = await partner.WhoAmI();
            Console.WriteLine($"I am {me.Service} with {me.Grants.Count} grants");
            return 0;
        case "follow" when args.Length > 2:
            await partner.Follow(args[2]);
            return 0;
        default:
            Console.Error.WriteLine($"no command {args[1]}");
            return 2;
    }
}
catch (RpcException error)
{
    var reason = error.GetRpcStatus()?.GetDetail<ErrorInfo>()?.Reason;
    Console.Error.WriteLine($"{error.StatusCode} {reason}: {error.Status.Detail}");
    return 1;
}

internal sealed class Partner : IDisposable
{
    private static readonly TimeSpan CallMax = TimeSpan.FromSeconds(10);
    // A stream lasts 30 minutes at most; then the gateway says when to come back.
    private static readonly TimeSpan StreamMax = TimeSpan.FromMinutes(35);
    private static readonly TimeSpan PauseFirst = TimeSpan.FromSeconds(1);

    private readonly Dictionary<string, string> profile = new();
    private readonly GrpcChannel channel;
    private readonly AccessService.AccessServiceClient access;
    private readonly JointPictureService.JointPictureServiceClient joint;

    public Partner(string folder)
    {
        foreach (var line in File.ReadLines(Path.Combine(folder, "profile.toml")))
        {
            var setting = Regex.Match(line, "^(\\w+)\\s*=\\s*\"([^\"]*)\"");
            if (setting.Success)
            {
                profile[setting.Groups[1].Value] = setting.Groups[2].Value;
            }
        }
        var authorities = new X509Certificate2Collection();
        authorities.ImportFromPemFile(Path.Combine(folder, "ca.pem"));
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
        };
        policy.CustomTrustStore.AddRange(authorities);
        // On Windows a key that was read from PEM must go through PKCS#12 once to be usable in TLS.
        using var pem = X509Certificate2.CreateFromPemFile(
            Path.Combine(folder, "client.pem"), Path.Combine(folder, "client.key"));
        var certificate = new X509Certificate2(pem.Export(X509ContentType.Pkcs12));
        var handler = new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions
            {
                EnabledSslProtocols = SslProtocols.Tls13,
                ClientCertificates = new X509CertificateCollection { certificate },
                CertificateChainPolicy = policy,
            },
        };
        channel = GrpcChannel.ForAddress(profile["endpoint"], new GrpcChannelOptions
        {
            HttpHandler = handler,
            DisposeHttpClient = true,
            MaxReceiveMessageSize = 80 * 1024 * 1024,
        });
        access = new AccessService.AccessServiceClient(channel);
        joint = new JointPictureService.JointPictureServiceClient(channel);
    }

    public void Dispose() => channel.Dispose();

    public async Task<GetAccessResponse> WhoAmI() =>
        await access.GetAccessAsync(new GetAccessRequest(), deadline: DateTime.UtcNow + CallMax);

    /// <summary>Follows the view for good.</summary>
    public async Task Follow(string journal)
    {
        while (true)
        {
            TimeSpan pause;
            try
            {
                pause = await Stream(journal);
            }
            catch (RpcException error)
            {
                var status = error.GetRpcStatus();
                var retry = status?.GetDetail<RetryInfo>();
                // What breaks before the gateway has understood it has no reason of its own.
                var broken = status?.GetDetail<ErrorInfo>() is null
                    && error.StatusCode
                        is (StatusCode.Unavailable or StatusCode.Unknown or StatusCode.Cancelled);
                if (retry is null && !broken)
                {
                    throw;
                }
                pause = retry?.RetryDelay.ToTimeSpan() ?? PauseFirst;
            }
            await Task.Delay(pause);
        }
    }

    /// <summary>One stream, until it ends. Gives how long to wait before the next.</summary>
    private async Task<TimeSpan> Stream(string journal)
    {
        var kept = File.Exists(journal)
            ? File.ReadLines(journal).Select(line => line.Split('\t')).ToList()
            : new List<string[]>();
        var ids = kept.Where(fields => fields.Length > 2).Select(fields => fields[1]).ToHashSet();
        var request = new WatchEventsRequest
        {
            Context = new ReadContext
            {
                Purpose = profile["purpose"],
                LegalBasis = profile["legal_basis"],
                WeighingRef = profile.GetValueOrDefault("weighing_ref", ""),
                ActorRole = "reader",
            },
            Scope = new Scope(),
            Cursor = kept.LastOrDefault(fields => fields.Length > 2)?[0] ?? "",
        };
        using var call = joint.WatchEvents(request, deadline: DateTime.UtcNow + StreamMax);
        var inSnapshot = false;
        await foreach (var answer in call.ResponseStream.ReadAllAsync())
        {
            var entry = answer.Entry;
            switch (entry.WhatCase)
            {
                case Event.WhatOneofCase.Heartbeat:
                    continue;
                case Event.WhatOneofCase.Closing when entry.Closing.Reason == "ACCESS_ENDED":
                    throw new InvalidOperationException("access ended: ask your registrar");
                case Event.WhatOneofCase.Closing:
                    return TimeSpan.FromSeconds(entry.Closing.RetryAfterSeconds);
                case Event.WhatOneofCase.SnapshotBegins:
                    inSnapshot = true;
                    if (entry.SnapshotBegins.Reset)
                    {
                        File.WriteAllText(journal, "");
                        ids.Clear();
                    }
                    break;
                case Event.WhatOneofCase.SnapshotEnds:
                    inSnapshot = false;
                    break;
            }
            // A kind that is newer than these stubs is skipped, but its cursor is kept.
            var text = ids.Add(entry.Id) ? $"{entry.Area} {entry.Revision} {entry.WhatCase}" : "again";
            Store(journal, $"{entry.Cursor}\t{entry.Id}\t{text}\n");
            Console.WriteLine(text);
            if (!inSnapshot)
            {
                await Acknowledge(entry.Cursor);
            }
        }
        return PauseFirst;
    }

    /// <summary>Says that everything up to a cursor is stored: your record of receipt.</summary>
    private async Task Acknowledge(string cursor)
    {
        var context = new WriteContext { IdempotencyKey = IdempotencyKey(), ActorRole = "reader" };
        var request = new AcknowledgeEventsRequest { Context = context, Cursor = cursor };
        await joint.AcknowledgeEventsAsync(request, deadline: DateTime.UtcNow + CallMax);
    }

    private static void Store(string journal, string line)
    {
        using var file = new FileStream(journal, FileMode.Append);
        file.Write(Encoding.UTF8.GetBytes(line));
        file.Flush(flushToDisk: true);
    }

    /// <summary>A UUIDv7: made once for each intended change, kept when it is sent again.</summary>
    private static string IdempotencyKey()
    {
        var bytes = RandomNumberGenerator.GetBytes(16);
        var millis = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        for (var i = 0; i < 6; i++)
        {
            bytes[i] = (byte)(millis >> (40 - 8 * i));
        }
        bytes[6] = (byte)(bytes[6] & 0x0F | 0x70);
        bytes[8] = (byte)(bytes[8] & 0x3F | 0x80);
        return new Guid(bytes, bigEndian: true).ToString();
    }
}
