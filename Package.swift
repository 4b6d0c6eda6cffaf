// swift-tools-version: 6.2
import PackageDescription

let features: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]
// In the products every unsafe expression is marked; tests would drown in marks.
let settings = features + [.strictMemorySafety()]

let fuzzFiles = ["Corpus", "Dictionaries", "README.md", "run"]

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
    // The example of Sources/BinderBuffer/BinderBuffer.docc/BetweenProcesses.md: a program of two processes.
    .executableTarget(
      name: "BetweenProcesses", dependencies: ["BinderBuffer", "PageAlloc"],
      path: "Tests/Examples/BetweenProcesses", swiftSettings: features),
    .testTarget(
      name: "PageAllocTests", dependencies: ["PageAlloc", "CTestPeer"], swiftSettings: features),
    .testTarget(
      name: "BinderBufferTests",
      // The naive model that `bindersim check` compares the engine with is theirs too.
      dependencies: ["BinderBuffer", "PageAlloc", "bindersim", "CLinuxShims", "CTestPeer"],
      exclude: ["Fixtures"],
      swiftSettings: features),
    // The entry functions of the fuzz targets, run over the committed inputs.
    .testTarget(
      name: "FuzzTests", dependencies: ["bindersim", "BinderBuffer", "PageAlloc"],
      exclude: fuzzFiles + ["LibFuzzer.swift"], swiftSettings: features),
    .testTarget(
      name: "bindersimTests",
      dependencies: ["bindersim", "BinderBuffer", "PageAlloc", "BetweenProcesses"],
      exclude: ["Fixtures"], swiftSettings: features),
  ],
  swiftLanguageModes: [.v6]
)

// For Tests/FuzzTests/run: the fuzz targets in place of the tests. Only a test may link an executable, so
// the tool becomes a library, whose `main` gets out of the way.
if Context.environment["BINDERBUFFER_FUZZ"] != nil {
  let renamedMain = ["-Xfrontend", "-entry-point-function-name", "-Xfrontend", "bindersim_main"]
  package.products.removeAll { $0.name == "bindersim" }
  package.targets.removeAll { $0.type == .test || $0.name == "bindersim" }
  package.targets += [
    .target(
      name: "bindersim", dependencies: ["BinderBuffer", "PageAlloc", "CLinuxShims"],
      swiftSettings: settings + [.unsafeFlags(renamedMain)]),
    .executableTarget(
      name: "fuzz", dependencies: ["bindersim", "BinderBuffer", "PageAlloc"],
      path: "Tests/FuzzTests",
      exclude: fuzzFiles + ["CorpusTests.swift", "RandomDriverTests.swift"],
      swiftSettings: features),
  ]
}
