import Foundation
import Testing

/// TLS with DCMTK, pynetdicom and openssl as peers, in both roles, with certificates of all kinds.
@Suite(.serialized) struct TLSTests {
    private func withCertificates(_ body: (_ folder: String, _ certificates: String) async throws -> Void) async throws
    {
        try await withFolder { folder in
            let certificates = folder + "/tls"
            let made = try await script("certificates.py", [certificates])
            try #require(made.status == 0, "\(made.text)")
            try await body(folder, certificates)
        }
    }

    private func server(
        _ folder: String, _ certificates: String, name: String = "server", _ options: [String] = []
    ) async throws -> Server {
        try await Server.program(
            "omnitool",
            [
                "receive", "0", "RECEIVER", "--output", folder + "/out", "--address", "127.0.0.1", "--tls", "--tls-ca",
                certificates + "/ca.crt", "--tls-certificate", "\(certificates)/\(name).crt", "--tls-key",
                "\(certificates)/\(name).key", "--acse-timeout", "3",
            ] + options)
    }

    /// The options of DCMTK's programs for a certificate; without one they show none.
    private func dcmtk(_ certificates: String, _ name: String?) -> [String] {
        (name.map { ["+tls", "\(certificates)/\($0).key", "\(certificates)/\($0).crt"] } ?? ["+tla"])
            + ["+cf", certificates + "/ca.crt"]
    }

    private func ours(_ certificates: String, _ name: String?) -> [String] {
        ["--tls", "--tls-ca", certificates + "/ca.crt"]
            + (name.map {
                ["--tls-certificate", "\(certificates)/\($0).crt", "--tls-key", "\(certificates)/\($0).key"]
            } ?? [])
    }

    // MARK: - As server

    @Test func clientCertificates() async throws {
        try await withCertificates { folder, certificates in
            let input = try await phantom(in: folder, "in", ["--slices", "3"])
            let server = try await server(folder, certificates)
            for (name, isGood) in [("client", true), ("rogue", false), ("expired", false), (nil, false)] {
                let echo = try await run(
                    "/usr/bin/echoscu",
                    ["-to", "5", "-ta", "5", "-aec", "RECEIVER"] + dcmtk(certificates, name) + [
                        "127.0.0.1", server.port,
                    ])
                #expect((echo.status == 0) == isGood, "\(name ?? "none"): \(echo.text)")
            }
            let stored = try await run(
                "/usr/bin/storescu",
                ["+sd", "-aec", "RECEIVER"] + dcmtk(certificates, "client") + ["127.0.0.1", server.port, input])
            #expect(stored.status == 0, "\(stored.text)")
            let pynetdicom = try await script(
                "pynetdicom_query.py",
                [
                    "identity", server.port, "RECEIVER", "--username", "a", "--tls", certificates, "--certificate",
                    "client",
                ])
            #expect(pynetdicom.text.hasSuffix("STATUS 0x0000\n"), "\(pynetdicom.text)")
            let own = try await omnitool(
                ["echo", "127.0.0.1", server.port, "TEST", "RECEIVER"] + ours(certificates, "client"))
            #expect(own.status == 0, "\(own.text)")
            #expect(try dataSets(folder + "/out") == dataSets(input))
            try await server.stop()
        }
    }

    @Test(
        arguments: [("optional", "rogue", false), ("optional", nil, true), ("ignored", nil, true)]
            as [(String, String?, Bool)])
    func clientCertificatesThatNeedNotBe(policy: String, certificate: String?, isGood: Bool) async throws {
        try await withCertificates { folder, certificates in
            let server = try await server(folder, certificates, ["--tls-client-certificate", policy])
            let echo = try await run(
                "/usr/bin/echoscu",
                ["-to", "5", "-ta", "5", "-aec", "RECEIVER"] + dcmtk(certificates, certificate) + [
                    "127.0.0.1", server.port,
                ])
            #expect((echo.status == 0) == isGood, "\(echo.text)")
            try await server.stop()
        }
    }

    /// TLS 1.2 and 1.3 with ephemeral keys and authenticated encryption, and nothing older or weaker (BCP 195).
    @Test(arguments: [
        (["-tls1_3"], true), (["-tls1_2"], true), (["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], false),
        (["-tls1_2", "-cipher", "AES128-SHA"], false), (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"], false),
        (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"], true),
    ]) func versionsAndCiphers(options: [String], isGood: Bool) async throws {
        try await withCertificates { folder, certificates in
            let server = try await server(folder, certificates, ["--tls-client-certificate", "ignored"])
            let command =
                "openssl s_client -connect 127.0.0.1:\(server.port) -CAfile '\(certificates)/ca.crt' "
                + options.map { "'\($0)'" }.joined(separator: " ") + " </dev/null"
            let client = try await run("/bin/sh", ["-c", command])
            #expect(client.text.contains("New, TLSv1") == isGood, "\(client.text)")
            try await server.stop()
        }
    }

    /// Plain DICOM to a port for TLS, and the reverse, end at once or by ARTIM, and the client says why.
    @Test func theWrongPort() async throws {
        try await withCertificates { folder, certificates in
            let secure = try await server(folder, certificates)
            let plain = try await Server.receive(into: folder + "/plain")
            let toSecure = try await omnitool("echo", "127.0.0.1", secure.port, "TEST", "RECEIVER")
            #expect(toSecure.status == 1 && toSecure.text.contains("TLS"), "\(toSecure.text)")
            let toPlain = try await omnitool(
                ["echo", "127.0.0.1", plain.port, "TEST", "RECEIVER"] + ours(certificates, "client"))
            #expect(toPlain.status == 1 && toPlain.text.contains("TLS"), "\(toPlain.text)")
            let dcmtk = try await run(
                "/usr/bin/echoscu", ["-to", "5", "-ta", "5", "-aec", "RECEIVER", "127.0.0.1", secure.port])
            #expect(dcmtk.status != 0)
            // Both serve on.
            let echo = try await omnitool(
                ["echo", "127.0.0.1", secure.port, "TEST", "RECEIVER"] + ours(certificates, "client"))
            #expect(echo.status == 0, "\(echo.text)")
            #expect(try await omnitool("echo", "127.0.0.1", plain.port, "TEST", "RECEIVER").status == 0)
            try await secure.stop()
            try await plain.stop()
        }
    }

    /// A new certificate is used without a restart; one that cannot be used leaves the old one in place.
    @Test func certificatesAreReadAgain() async throws {
        try await withCertificates { folder, certificates in
            for kind in ["crt", "key"] {
                try FileManager.default.copyItem(
                    atPath: "\(certificates)/server.\(kind)", toPath: "\(certificates)/used.\(kind)")
            }
            let server = try await server(
                folder, certificates, name: "used",
                ["--tls-client-certificate", "ignored", "--tls-reload-interval", "1"])
            #expect(try await subject(server).contains("CN = server"))
            try Data("rubbish".utf8).write(to: URL(fileURLWithPath: certificates + "/used.crt"))
            _ = try await server.process.line(matching: "cannot be used")
            #expect(try await subject(server).contains("CN = server"))
            for kind in ["key", "crt"] {
                let new = try Data(contentsOf: URL(fileURLWithPath: "\(certificates)/client.\(kind)"))
                try new.write(to: URL(fileURLWithPath: "\(certificates)/used.\(kind)"))
            }
            let deadline = Date() + 20
            var seen = ""
            while !seen.contains("CN = client"), Date() < deadline { seen = try await subject(server) }
            #expect(seen.contains("CN = client"), "\(seen)")
            try await server.stop()
        }
    }

    /// The subject of the certificate that the server shows.
    private func subject(_ server: Server) async throws -> String {
        try await run(
            "/bin/sh",
            ["-c", "openssl s_client -connect 127.0.0.1:\(server.port) </dev/null 2>/dev/null | grep '^subject'"]
        )
        .text
    }

    // MARK: - As client

    @Test(
        arguments: [("client", nil), ("rogue", "authority"), ("expired", "expired"), (nil, "certificate")]
            as [(String?, String?)])
    func ourCertificates(name: String?, complaint: String?) async throws {
        try await withCertificates { folder, certificates in
            let input = try await phantom(in: folder, "in", ["--slices", "2"])
            let peer = try await Server.peer("dcmtk_storescp.py", ["--output", folder + "/out", "--tls", certificates])
            let sent = try await omnitool(
                ["store", "127.0.0.1", peer.port, "TEST", "ARCHIVE", input] + ours(certificates, name))
            #expect((sent.status == 0) == (complaint == nil), "\(sent.text)")
            if let complaint { #expect(sent.text.contains(complaint), "\(sent.text)") }
            try await peer.stop()
        }
    }

    @Test(arguments: [("server", nil), ("rogue", "trusted authority"), ("expired", "expired")] as [(String, String?)])
    func theServersCertificate(name: String, complaint: String?) async throws {
        try await withCertificates { folder, certificates in
            let context =
                "openssl s_server -accept 127.0.0.1:0 -cert '\(certificates)/\(name).crt' -key '\(certificates)/\(name).key'"
            let peer = try ChildProcess("/bin/sh", ["-c", "exec \(context)"])
            let port = try await peer.line(matching: "ACCEPT 127.0.0.1:([0-9]+)")
            let sent = try await omnitool(
                ["echo", "127.0.0.1", port, "TEST", "ARCHIVE", "--timeout", "1"] + ours(certificates, "client"))
            // openssl speaks no DICOM: the good certificate leads to silence, or to an end, after the handshake.
            #expect(sent.status == 1)
            #expect(sent.text.contains(complaint ?? "ARCHIVE@"), "\(sent.text)")
            if complaint == nil { #expect(!sent.text.contains("certificate"), "\(sent.text)") }
            // A shell's child may have SIGTERM blocked.
            peer.signal(SIGKILL)
        }
    }

    @Test func queriesWithPynetdicom() async throws {
        try await withCertificates { _, certificates in
            let peer = try await Server.peer("pynetdicom_archive.py", ["--tls", certificates])
            let found = try await omnitool(
                ["worklist", "127.0.0.1", peer.port, "TEST", "ARCHIVE"] + ours(certificates, "client"))
            #expect(found.status == 0 && found.text.contains("2 matches"), "\(found.text)")
            let wrongHost = try await omnitool(
                ["echo", "127.0.0.2", peer.port, "TEST", "ARCHIVE"] + ours(certificates, "client"))
            #expect(wrongHost.status == 1)
            try await peer.stop()
        }
    }

    /// What an archive opens itself, for C-MOVE and for reports, is TLS too; who listens without it gets nothing.
    @Test func connectionsInTheOtherDirection() async throws {
        try await withCertificates { folder, certificates in
            let input = try await phantom(in: folder, "in", ["--slices", "3"])
            let port = try freePort()
            let archive = try await Server.program(
                "omnitool",
                [
                    "archive", "0", "ARCHIVE", "--folder", folder + "/archive", "--address", "127.0.0.1", "--peer",
                    "NODE@localhost:\(port)",
                ] + ours(certificates, "server"))
            let address = ["localhost", archive.port, "NODE", "ARCHIVE"]
            let tls = ours(certificates, "client")
            let stored = try await omnitool(["store"] + address + [input] + tls)
            #expect(stored.status == 0, "\(stored.text)")
            let listening = ["--listen", port, "--address", "127.0.0.1"]
            let committed = try await omnitool(["commit"] + address + [input, "--wait", "20"] + listening + tls)
            #expect(committed.status == 0 && committed.text.contains("3 of 3"), "\(committed.text)")
            let found = try await omnitool(["find"] + address + tls + ["-k", "PatientID", "--json"])
            let uid = try #require(found.text.firstMatch(of: /"0020000D":\{"vr":"UI","Value":\["([0-9.]+)"/)).1
            let move = ["move"] + address + ["-k", "StudyInstanceUID=\(uid)", "--destination", "NODE"]
            let moved = try await omnitool(move + listening + ["--output", folder + "/moved"] + tls)
            #expect(moved.status == 0 && moved.text.contains("3 instances received"), "\(moved.text)")
            #expect(try dataSets(folder + "/moved") == dataSets(input))

            let plain = try await Server.program(
                "omnitool", ["receive", port, "NODE", "--output", folder + "/plain", "--address", "127.0.0.1"])
            let refused = try await omnitool(move + tls)
            #expect(refused.status == 1, "\(refused.text)")
            #expect(files(below: folder + "/plain").isEmpty)
            for server in [plain, archive] { try await server.stop() }
        }
    }

    @Test func filesThatCannotBeUsed() async throws {
        try await withCertificates { folder, certificates in
            let cases = [
                ("client", "server", "belong"), ("client", "missing", "No such file"),
                ("missing", "client", "No such file"),
                ("expired", "expired", "expired"),
            ]
            for (certificate, key, complaint) in cases {
                let tried = try await omnitool(
                    "echo", "127.0.0.1", "1", "TEST", "ARCHIVE", "--tls", "--tls-certificate",
                    "\(certificates)/\(certificate).crt", "--tls-key", "\(certificates)/\(key).key")
                #expect(tried.status == 1 && tried.text.contains(complaint), "\(tried.text)")
            }
            _ = folder
        }
    }
}
