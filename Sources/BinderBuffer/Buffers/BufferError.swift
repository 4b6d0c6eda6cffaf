internal import PageAlloc

/// Why a buffer could not be reserved; the space is what it was before. Sizes in bytes.
enum BufferError: Error, Equatable {
  /// The region has no free range that is long enough.
  case noSpace(requested: Int, free: Int, largestFree: Int)
  /// The oneway half of the region is used up.
  case noOnewaySpace(requested: Int, free: Int)
  /// A frame, a mapping or the memory of a table could not be had.
  case noMemory(PageAllocError)

  /// What a range allocator's refusal means: sizes and lengths have been checked before.
  init(_ error: RangeError) {
    switch error {
    case .noSpace(let requested, let free, let largest):
      self = .noSpace(requested: max(8, requested), free: free, largestFree: largest)
    case .noOnewaySpace(let requested, let free):
      self = .noOnewaySpace(requested: max(8, requested), free: free)
    case .noMemory: self = .noMemory(.system(.map, .noMemory))
    default: preconditionFailure("a size in a mapped region: \(error)")
    }
  }

  /// The error number that the driver answers with.
  var errno: Errno {
    switch self {
    case .noSpace, .noOnewaySpace: .noSpace
    case .noMemory(let cause): cause.errno
    }
  }
}
