import BinderBuffer
import Testing

/// Which kernel's driver has which rules.
struct KernelReleaseTests {
  /// `uname -r`, the C driver's policy, and the Rust driver's or nil where there is none.
  static let known: [(release: String, c: String, rust: String?)] = [
    ("4.14.200", "c-4.14+empty-oneway=leaks", nil),
    ("4.14.261", "c-4.14", nil),
    ("4.19.305", "c-4.14", nil),
    ("4.19.306", "c-4.19.306", nil),
    ("4.19.223", "c-4.14+empty-oneway=leaks", nil),
    ("5.4.267", "c-4.14", nil),
    ("5.4.268", "c-4.19.306", nil),
    ("5.10.89", "c-5.10+empty-oneway=leaks", nil),
    ("5.10.208", "c-5.10", nil),
    ("5.10.209", "c-5.10.209", nil),
    ("5.15.147", "c-5.15", nil),
    ("5.15.148", "c-6.1", nil),
    ("6.1.74", "c-5.15", nil),
    ("6.1.75", "c-6.1", nil),
    ("6.1.90", "c-6.1", nil),
    ("6.1", "c-6.1", nil),
    ("6.6.13", "c-5.15", nil),
    ("6.6.14", "c-6.1", nil),
    ("6.8.0", "c", nil),
    ("6.12.23", "c", nil),
    ("6.17.9", "c", nil),
    ("6.18.0", "c", "rust-6.18.0"),
    ("6.18.18", "c", "rust-6.18.0"),
    ("6.18.19", "c", "rust"),
    ("6.19.0", "c", "rust-6.18.0"),
    ("6.19.8", "c", "rust-6.18.0"),
    ("6.19.9", "c", "rust"),
    ("7.0.1", "c", "rust"),
    // Android's trees, and phones'.
    ("4.14.190-perf+", "c-5.10+empty-oneway=leaks", nil),
    ("5.4.254-qgki-g1a2b3c4d5e6f", "c-5.15", nil),
    ("5.10.149-android12-9", "c-5.15", nil),
    ("5.10.209-android12-9-00001-gabcdef-ab11122233", "c", nil),
    ("5.15.123-android13-8", "c-android13-5.15", nil),
    ("6.1.99-android14-11-g0123456789ab", "c-android14-6.1", nil),
    ("6.6.50-android15-8", "c", nil),
    ("6.12.23-android16-5", "c", "rust"),
    // A distribution's numbers are its own.
    ("6.1.0-37-amd64", "c-6.1", nil),
    ("5.15.0-91-generic", "c-6.1", nil),
    ("6.12.38+deb13-amd64", "c", nil),
  ]

  @Test(arguments: known.indices)
  func rulesOf(index: Int) throws {
    let (release, c, rust) = Self.known[index]
    let kernel = try KernelRelease(release)
    let choice = try kernel.policy(of: .c)
    #expect(choice.policy.name == c, "\(release): \(choice)")
    #expect(choice.reason.hasPrefix("\(release): "))
    if let rust {
      #expect(try kernel.policy(of: .rust).policy.name == rust)
    } else {
      #expect(throws: KernelError.noRustDriver(release)) { try kernel.policy(of: .rust) }
    }
  }

  /// Where trees of one name differ, the answer names the others, and each can be chosen by name.
  @Test(arguments: [
    ("5.10.149-android12-9", ["c"]), ("5.10.226-android12-9", ["c-5.15"]),
    ("6.1.99-android14-11", ["c"]), ("6.1.0-37-amd64", ["c-5.15"]),
    ("4.14.200+", ["c-5.10+empty-oneway=leaks"]),
    ("6.1.90", []), ("6.12.23-android16-5", []),
  ])
  func alternatives(release: String, names: [String]) throws {
    let choice = try KernelRelease(release).policy()
    #expect(choice.alternatives.map(\.policy.name) == names, "\(choice)")
    for name in names { #expect(choice.description.contains("or \(name) ")) }
  }

  /// What a tree was seen to do holds for that tree; for phones' trees of the same kernel it is inferred.
  @Test(arguments: [
    ("5.15.123-android13-8", false), ("5.15.123-perf", true),
    ("6.1.99-android14-11", false), ("6.1.99-perf", true), ("6.6.50-android15-8", true),
    ("6.1.90", false), ("4.20.1", true),
  ])
  func whatIsInferredSaysSo(release: String, isInferred: Bool) throws {
    let choice = try KernelRelease(release).policy()
    #expect(choice.isInferred == isInferred, "\(choice)")
  }

  @Test(arguments: ["4.12.14", "3.18.71-perf", "4.9.337", "2.6.32"])
  func tooOld(release: String) throws {
    let kernel = try KernelRelease(release)
    #expect(throws: KernelError.tooOld(release)) { try kernel.policy() }
  }

  @Test(arguments: [
    "", "6", "six", "6.", "6.x", ".6.1", "6.1.", "6.1.x", "6.1.2.3", "v6.1", "6.1a", "-1.2", "6 .1",
    "Linux 6.1",
  ])
  func noRelease(text: String) {
    #expect(throws: KernelError.notARelease(text)) { try KernelRelease(text) }
  }

  @Test func parts() throws {
    let kernel = try KernelRelease("5.10.149-android12-9-00001-gabcdef")
    #expect((kernel.major, kernel.minor, kernel.point) == (5, 10, 149))
    #expect(kernel.tree == .android(12))
    #expect(try KernelRelease("6.1").point == nil)
    #expect(try KernelRelease("6.1.0-37-amd64").point == nil)
    #expect(try KernelRelease("6.1.0").point == 0)
    #expect(try KernelRelease("5.4.86-qgki-23063627-abG990UXXU").tree == .phone)
  }
}
