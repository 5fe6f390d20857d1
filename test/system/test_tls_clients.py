# SPDX-License-Identifier: GPL-2.0-or-later
"""curl, wget, node, Java and OpenSSL as clients."""
import json
import os
import subprocess

from tools import need

from test_tls import content, files, pair, secure  # noqa: F401 (fixtures)


def test_curl(secure, files, pair):  # noqa: F811
    server = secure(files)
    curl = [need("curl"), "--silent", "--show-error", "--cacert", pair.certificate, "--resolve", "test:%d:127.0.0.1" % server.port]
    url = "https://test:%d" % server.port
    for version in ("--tls-max", "1.2"), ("--tlsv1.3",):
        done = subprocess.run([*curl, *version, url + "/large", url + "/small"], capture_output=True, check=False, timeout=60)
        assert done.stdout == content(files, "large") + content(files, "small"), done.stderr


def test_wget(secure, files, pair, place):  # noqa: F811
    server = secure(files)
    out = os.path.join(place, "got")
    subprocess.run([need("wget"), "--quiet", "--ca-certificate", pair.certificate, "-O", out, "https://localhost:%d/large" % server.port], check=True,
                   timeout=60, env=dict(os.environ, no_proxy="*"))
    assert content("", out) == content(files, "large")


def test_node(secure, files, pair):  # noqa: F811
    """Node's client with one connection for many requests."""
    server = secure(files)
    program = """
const https = require('https'), fs = require('fs');
const agent = new https.Agent({ keepAlive: true, maxSockets: 1, ca: fs.readFileSync(process.argv[1]) });
const ask = (path) => new Promise((done, fail) => https.get({ agent, host: '127.0.0.1', servername: 'test', port: process.argv[2], path }, (res) => {
	let bytes = 0; const port = res.socket.localPort; res.on('data', (data) => bytes += data.length); res.on('end', () => done([bytes, port]));
}).on('error', fail));
(async () => { const all = []; for (const path of ['/small', '/large', '/empty', '/record+1']) all.push(await ask(path)); console.log(JSON.stringify(all)); agent.destroy(); })();
"""
    done = subprocess.run([need("node"), "-e", program, pair.certificate, str(server.port)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout)
    assert [size for size, _ in got] == [1000, 5000003, 0, 16385] and len({port for _, port in got}) == 1, done.stderr


def test_java(secure, files, pair, place):  # noqa: F811
    """Java's client with one connection for many requests."""
    server = secure(files)
    program = os.path.join(place, "Ask.java")
    with open(program, "w", encoding="ascii") as file:
        file.write("""
import java.net.URI;
import java.net.http.*;
import java.nio.file.*;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import javax.net.ssl.*;

public class Ask {
	public static void main(String[] args) throws Exception {
		KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
		store.load(null, null);
		try (var pem = Files.newInputStream(Path.of(args[0]))) {
			store.setCertificateEntry("server", CertificateFactory.getInstance("X.509").generateCertificate(pem));
		}
		TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
		trust.init(store);
		for (String version : new String[] { "TLSv1.2", "TLSv1.3" }) {
			SSLContext context = SSLContext.getInstance(version);
			context.init(null, trust.getTrustManagers(), null);
			SSLParameters parameters = context.getDefaultSSLParameters();
			parameters.setProtocols(new String[] { version });
			HttpClient client = HttpClient.newBuilder().sslContext(context).sslParameters(parameters).build();
			for (String path : new String[] { "/small", "/large", "/empty", "/record+1" }) {
				var response = client.send(HttpRequest.newBuilder(URI.create("https://localhost:" + args[1] + path)).build(),
				                           HttpResponse.BodyHandlers.ofByteArray());
				System.out.println(response.sslSession().get().getProtocol() + " " + response.statusCode() + " " + response.body().length);
			}
		}
	}
}
""")
    need("javac")  # Debian's default-jre has java, which cannot run a source file without it
    done = subprocess.run([need("java"), "-Xshare:auto", program, pair.certificate, str(server.port)], capture_output=True, text=True, check=False, timeout=120)
    sizes = [1000, 5000003, 0, 16385]
    assert done.stdout.splitlines() == ["%s 200 %d" % (version, size) for version in ("TLSv1.2", "TLSv1.3") for size in sizes], done.stderr


def test_openssl_client(secure, root, pair):  # noqa: F811
    server = secure(root)
    for group in ("X25519", "P-256", "P-384"):
        done = subprocess.run(["openssl", "s_client", "-connect", "127.0.0.1:%d" % server.port, "-CAfile", pair.certificate, "-verify_return_error", "-groups",
                               group, "-servername", "test", "-ign_eof"], input="GET /file HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n",
                              capture_output=True, text=True, check=False, timeout=30)
        assert "\r\n\r\ndata" in done.stdout.replace("\n\ndata", "\r\n\r\ndata") and "Verify return code: 0" in done.stdout, done.stderr
