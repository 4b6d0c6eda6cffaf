import Foundation
import Testing

@testable import bindersim

/// The line that README gives for a package's manifest works.
@Suite(.timeLimit(.minutes(15))) struct DependencyTests {
  /// The folder of the toolchain's and the system's programs, where a package can be cloned and
  /// resolved.
  private static let canResolve =
    BuiltTool.installed(["git"]) != nil && swift != nil
    && FileManager.default.fileExists(
      atPath: SharedFiles.package.appendingPathComponent(".git").path)

  private static let swift = (ProcessInfo.processInfo.environment["PATH"] ?? "")
    .split(separator: ":").map { "\($0)/swift" }
    .first { FileManager.default.isExecutableFile(atPath: $0) }

  /// `.package(url: "URL", from: "VERSION")`
  private func line() throws -> (url: String, version: String) {
    let readme = try String(
      contentsOf: SharedFiles.package.appendingPathComponent("README.md"), encoding: .utf8)
    let match = try #require(
      readme.firstMatch(of: /\.package\(url: "([^"]+)", from: "([^"]+)"\)/), "no such line")
    return (String(match.1), String(match.2))
  }

  @Test func theVersionIsTheTools() throws {
    let version = try line().version
    #expect(version == Dispatcher.version)
    #expect(try BuiltTool.run(["--version"]).output == "bindersim \(version)\n")
  }

  /// A clone that has the tag, and a package that depends on it by the line.
  @Test(.enabled(if: canResolve, "needs git, swift and a checkout"))
  func aPackageResolvesIt() throws {
    let version = try line().version
    let scratch = try ScratchDirectory()
    defer { scratch.remove() }
    let swift = try #require(Self.swift)
    let script = """
      set -e
      export HOME="$PWD" GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
      git clone --quiet --no-checkout '\(SharedFiles.package.path)' BinderBuffer
      git -C BinderBuffer tag --force '\(version)' HEAD
      mkdir -p user/Sources/user && cd user && echo 'import BinderBuffer' > Sources/user/user.swift
      cat > Package.swift <<END
      // swift-tools-version: 6.2
      import PackageDescription
      let package = Package(
        name: "user",
        dependencies: [.package(url: "$PWD/../BinderBuffer", from: "\(version)")],
        targets: [
          .executableTarget(
            name: "user", dependencies: [.product(name: "BinderBuffer", package: "BinderBuffer")])
        ])
      END
      '\(swift)' package --disable-sandbox resolve
      grep '"version" : "\(version)"' Package.resolved
      '\(swift)' package --disable-sandbox show-dependencies
      """
    let shown = try BuiltTool.shell(script, in: scratch.directory)
    #expect(shown.status == 0, "\(shown.output)\(shown.errors)")
  }
}
