/// A step that a `FaultInjector` can make fail.
public enum FaultPoint: UInt8, CaseIterable, Sendable {
  /// Taking pages, before anything has changed.
  case pageAllocation
  /// Backing pages with memory; fails when half of the run is backed.
  case backing
  /// Copying from or to a user slice.
  case userCopy
  /// Creating the memory file of an arena.
  case memoryFile
  /// Mapping a view of an arena.
  case mapping
  /// Opening the descriptor that is handed to another process.
  case descriptor

  /// The error number that the real fault would have.
  var errno: Errno {
    switch self {
    case .pageAllocation, .backing, .mapping: .noMemory
    case .userCopy: .badAddress
    case .memoryFile, .descriptor: .tooManyOpenFiles
    }
  }

  var bit: UInt32 { 1 << UInt32(rawValue) }
}

extension FaultPoint: CustomStringConvertible {
  public var description: String {
    switch self {
    case .pageAllocation: "page allocation"
    case .backing: "backing"
    case .userCopy: "user copy"
    case .memoryFile: "memory file"
    case .mapping: "mapping"
    case .descriptor: "descriptor"
    }
  }
}
