using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using StackExchange.Redis;

namespace SlideMesh.Mesh.Redis;

/// <summary>Where the cluster's Redis is and how to talk to it.</summary>
public sealed record RedisSettings
{
    /// <summary><c>host:port</c>.</summary>
    public required string Address { get; init; }

    /// <summary>Never shown, never logged.</summary>
    public string? Password { get; init; }

    /// <summary>Encrypt; the server's certificate must be valid for the host of <see cref="Address"/>.</summary>
    public bool Tls { get; init; }

    /// <summary>PEM file of the authority that signed the server's certificate; null: the system's authorities.</summary>
    public string? AuthorityFile { get; init; }

    /// <summary>First part of every key and channel.</summary>
    public string Namespace { get; init; } = "slidemesh";

    /// <exception cref="RedisUnusableException">The authority's file cannot be used.</exception>
    internal ConfigurationOptions ToOptions()
    {
        ConfigurationOptions options = ConfigurationOptions.Parse(Address);
        options.Password = Password;
        options.Ssl = Tls;
        options.SslHost = Tls ? HostOf(Address) : null;
        // Redis may start after its nodes and go away for minutes: connecting goes on in the background.
        options.AbortOnConnectFail = false;
        options.ConnectTimeout = 5000;
        options.SyncTimeout = 5000;
        // Seconds between pings on an idle connection: a server that hangs is noticed within four of them.
        options.KeepAlive = 2;
        options.ReconnectRetryPolicy = new LinearRetry(500);
        if (Tls && AuthorityFile is { } file)
        {
            X509Certificate2Collection authorities = ReadAuthorities(file);
            options.CertificateValidation += (_, certificate, _, errors) => IsTrusted(certificate, errors, authorities);
        }

        return options;
    }

    private static string HostOf(string address)
    {
        int colon = address.LastIndexOf(':');
        return colon < 0 ? address : address[..colon].Trim('[', ']');
    }

    private static X509Certificate2Collection ReadAuthorities(string file)
    {
        X509Certificate2Collection authorities = [];
        try
        {
            authorities.ImportFromPemFile(file);
        }
        catch (Exception unusable) when (unusable is IOException or UnauthorizedAccessException or System.Security.Cryptography.CryptographicException)
        {
            throw new RedisUnusableException($"certificate authority '{file}' cannot be read: {unusable.Message.TrimEnd('.')}; name a PEM file with --redis-ca", unusable);
        }

        return authorities.Count > 0
            ? authorities
            : throw new RedisUnusableException($"certificate authority '{file}' holds no certificate; name a PEM file with --redis-ca");
    }

    /// <summary>The chain must end at one of the authorities; the name must fit whoever signed.</summary>
    private static bool IsTrusted(X509Certificate? certificate, SslPolicyErrors errors, X509Certificate2Collection authorities)
    {
        if (certificate is null || (errors & ~SslPolicyErrors.RemoteCertificateChainErrors) != SslPolicyErrors.None)
        {
            return false;
        }

        using X509Chain chain = new();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        using X509Certificate2 server = X509CertificateLoader.LoadCertificate(certificate.GetRawCertData());
        return chain.Build(server);
    }
}

/// <summary>Redis cannot be used as it was named; one line that says why and what to do.</summary>
public sealed class RedisUnusableException(string message, Exception? inner = null) : Exception(message, inner);
