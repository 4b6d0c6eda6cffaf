// swift-tools-version: 6.2
import PackageDescription

// The fuzz targets, built by `./run` with the instrumentation that libFuzzer needs. All but the
// entry point is compiled from where it is, through symbolic links; a dependency on the package
// would not do, since nobody can depend on its executable.

let features: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
  name: "Fuzz",
  targets: [
    .target(name: "CLinuxShims"),
    .target(name: "PageAlloc", dependencies: ["CLinuxShims"], swiftSettings: features),
    .target(name: "BinderBuffer", dependencies: ["PageAlloc"], swiftSettings: features),
    // A library here, so its `main` has to get out of the way.
    .target(
      name: "bindersim", dependencies: ["BinderBuffer", "PageAlloc"],
      swiftSettings: features + [
        .unsafeFlags(["-Xfrontend", "-entry-point-function-name", "-Xfrontend", "bindersim_main"])
      ]),
    .executableTarget(
      name: "fuzz", dependencies: ["bindersim", "BinderBuffer", "PageAlloc"],
      swiftSettings: features),
  ],
  swiftLanguageModes: [.v6]
)
