using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using SlideMesh.Mesh.Engine;
using SlideMesh.Mesh.Messages;
using SlideMesh.Mesh.Redis;
using SlideMesh.Slides;

namespace SlideMesh.Mesh.Tests.Redis;

/// <summary>TLS and a password, against a redis-server that asks for both.</summary>
public sealed class SecureRedisTests : IDisposable
{
    private static readonly CancellationToken None = CancellationToken.None;

    private readonly TemporaryFolder _folder = new();
    private readonly RedisServer _server;

    public SecureRedisTests()
    {
        WriteCertificates("authority.pem", "server.pem", "server.key");
        WriteCertificates("stranger.pem", "unused.pem", "unused.key");
        _server = new RedisServer(
            "--tls-port", "{port}", "--tls-cert-file", _folder["server.pem"], "--tls-key-file", _folder["server.key"], "--tls-ca-cert-file", _folder["authority.pem"],
            "--tls-auth-clients", "no", "--requirepass", "a secret");
    }

    public void Dispose()
    {
        _server.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Engine_works_over_tls_with_a_password()
    {
        await using RedisLink link = await RedisLink.ConnectAsync(Settings());
        await link.RequireAsync(TimeSpan.FromSeconds(10), None);
        await using RedisEngine engine = new(link, new RedisEngineOptions { Node = "node" });
        TaskCompletionSource handled = new(TaskCreationOptions.RunContinuationsAsynchronously);
        engine.OnTell(ActorKind.Coordinator, 1, (_, _) =>
        {
            handled.TrySetResult();
            return Task.CompletedTask;
        });
        await engine.StartAsync(None);
        await engine.TellAsync(ActorKind.Coordinator, new PlanSlide(new SlideId("a")), None);
        await handled.Task.WaitAsync(TimeSpan.FromSeconds(30));
    }

    [Theory]
    [InlineData("wrong", "authority.pem", true)]
    [InlineData("a secret", "stranger.pem", true)]
    [InlineData("a secret", "authority.pem", false)]
    public async Task Wrong_password_foreign_authority_and_plain_text_are_refused_in_one_line(string password, string authority, bool tls)
    {
        await using RedisLink link = await RedisLink.ConnectAsync(Settings() with { Password = password, AuthorityFile = _folder[authority], Tls = tls });
        RedisUnusableException refused = await Assert.ThrowsAsync<RedisUnusableException>(() => link.RequireAsync(TimeSpan.FromSeconds(3), None));
        Assert.DoesNotContain("\n", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(password, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Authority_that_is_no_certificate_is_said_so()
    {
        _folder.Write("text.pem", "no certificate");
        RedisUnusableException refused = await Assert.ThrowsAsync<RedisUnusableException>(() => RedisLink.ConnectAsync(Settings() with { AuthorityFile = _folder["text.pem"] }));
        Assert.Contains("text.pem", refused.Message, StringComparison.Ordinal);
    }

    private RedisSettings Settings() => _server.NewSettings() with { Tls = true, Password = "a secret", AuthorityFile = _folder["authority.pem"] };

    /// <summary>An authority, and a certificate that it signed for 127.0.0.1.</summary>
    private void WriteCertificates(string authorityFile, string serverFile, string keyFile)
    {
        using RSA authorityKey = RSA.Create(2048);
        CertificateRequest request = new("CN=test authority", authorityKey, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        DateTimeOffset now = DateTimeOffset.UtcNow;
        using X509Certificate2 authority = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(2));
        using RSA key = RSA.Create(2048);
        CertificateRequest own = new("CN=redis", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        SubjectAlternativeNameBuilder names = new();
        names.AddIpAddress(IPAddress.Loopback);
        names.AddDnsName("127.0.0.1");
        own.CertificateExtensions.Add(names.Build());
        using X509Certificate2 server = own.Create(authority, now.AddDays(-1), now.AddDays(1), [1, 2, 3, 4]);
        File.WriteAllText(_folder[authorityFile], authority.ExportCertificatePem());
        File.WriteAllText(_folder[serverFile], server.ExportCertificatePem());
        File.WriteAllText(_folder[keyFile], key.ExportPkcs8PrivateKeyPem());
    }
}
