// swift-tools-version: 6.2
import PackageDescription

let features: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]
// In the products every unsafe expression is marked; tests would drown in marks.
let settings = features + [.strictMemorySafety()]

let package = Package(
  name: "BinderBuffer",
  products: [
    .library(name: "PageAlloc", targets: ["PageAlloc"]),
    .library(name: "BinderBuffer", targets: ["BinderBuffer"]),
    .executable(name: "bindersim", targets: ["bindersim"]),
  ],
  targets: [
    // The system calls that Swift's C importer does not show.
    .target(name: "CLinuxShims"),
    .target(name: "PageAlloc", dependencies: ["CLinuxShims"], swiftSettings: settings),
    .target(
      name: "BinderBuffer", dependencies: ["PageAlloc", "CLinuxShims"], swiftSettings: settings),
    .executableTarget(
      name: "bindersim", dependencies: ["BinderBuffer", "PageAlloc", "CLinuxShims"],
      swiftSettings: settings),

    // A second process for the tests, in C because a forked child may not run Swift.
    .target(name: "CTestPeer", path: "Tests/CTestPeer"),
    .testTarget(
      name: "PageAllocTests", dependencies: ["PageAlloc", "CTestPeer"], swiftSettings: features),
    .testTarget(
      name: "BinderBufferTests",
      // The naive model that `bindersim check` compares the engine with is theirs too.
      dependencies: ["BinderBuffer", "PageAlloc", "bindersim", "CTestPeer"],
      exclude: ["Fixtures"],
      swiftSettings: features),
    // The entry functions of `Fuzz`, run over its corpora.
    .testTarget(
      name: "FuzzTests", dependencies: ["bindersim", "BinderBuffer", "PageAlloc"],
      swiftSettings: features),
    .testTarget(
      name: "bindersimTests", dependencies: ["bindersim", "BinderBuffer", "PageAlloc"],
      swiftSettings: features),
  ],
  swiftLanguageModes: [.v6]
)
