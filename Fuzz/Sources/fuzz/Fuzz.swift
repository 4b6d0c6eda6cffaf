import CFuzzer
import Glibc

/// Runs libFuzzer over the entry function that the environment's FUZZ_TARGET names. (An argument
/// would be lost when libFuzzer starts itself again, to merge corpora for instance.)
@main
enum Fuzz {
  static func main() {
    guard FuzzTarget.chosen != nil else {
      let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
      print("FUZZ_TARGET must be one of \(names)")
      exit(2)
    }
    var count = CommandLine.argc
    var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> = CommandLine.unsafeArgv
    exit(
      LLVMFuzzerRunDriver(&count, &arguments) { bytes, count in
        let input = [UInt8](UnsafeBufferPointer(start: bytes, count: count))
        do {
          try FuzzTarget.chosen!.run(input)
        } catch {
          fatalError("\(error)")
        }
        return 0
      })
  }
}

extension FuzzTarget {
  static let chosen = getenv("FUZZ_TARGET").flatMap { FuzzTarget(rawValue: String(cString: $0)) }
}
