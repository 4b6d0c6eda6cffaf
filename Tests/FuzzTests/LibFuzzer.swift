import Glibc

/// What libFuzzer's `main` calls with every input: the entry function that the environment's
/// FUZZ_TARGET names. (An argument would be lost when libFuzzer starts itself again, to merge
/// corpora for instance.)
@_cdecl("LLVMFuzzerTestOneInput")
func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  do {
    try FuzzTarget.chosen.run([UInt8](UnsafeBufferPointer(start: bytes, count: count)))
  } catch {
    fatalError("\(error)")
  }
  return 0
}

extension FuzzTarget {
  fileprivate static let chosen: FuzzTarget = {
    let name = getenv("FUZZ_TARGET").map { String(cString: $0) }
    if let chosen = name.flatMap(FuzzTarget.init) { return chosen }
    fatalError("FUZZ_TARGET must be one of \(allCases.map(\.rawValue).joined(separator: ", "))")
  }()
}
