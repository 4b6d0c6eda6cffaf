/// Room for one large value that may be absent, such as a process's region before it is mapped.
///
/// It costs a pointer, and the value is read and changed where it lies; an optional would carry it
/// along and copy it out and in at every change.
@safe struct OptionalBox<Value: ~Copyable>: ~Copyable {
  // INVARIANT: nil, or points to an initialised value that this alone reaches.
  private var pointer: UnsafeMutablePointer<Value>?

  init() { unsafe pointer = nil }

  deinit {
    // SAFETY: see the invariant.
    if let pointer = unsafe pointer { unsafe Self.end(pointer) }
  }

  @inline(__always)
  var isEmpty: Bool { unsafe pointer == nil }

  /// The value; traps when there is none.
  var value: Value {
    @inline(__always)
    unsafeAddress {
      precondition(!isEmpty, "an empty box")
      // SAFETY: see the invariant; exclusive access to `self` is access to the value.
      return unsafe UnsafePointer(pointer.unsafelyUnwrapped)
    }
    @inline(__always)
    unsafeMutableAddress {
      precondition(!isEmpty, "an empty box")
      // SAFETY: as above.
      return unsafe pointer.unsafelyUnwrapped
    }
  }

  /// Puts a value into an empty box.
  mutating func fill(_ value: consuming Value) {
    precondition(isEmpty, "a box that is full")
    let memory = UnsafeMutablePointer<Value>.allocate(capacity: 1)
    // SAFETY: the memory was just allocated.
    unsafe memory.initialize(to: value)
    unsafe pointer = memory
  }

  /// Ends the value, if there is one.
  mutating func clear() {
    // SAFETY: see the invariant.
    if let old = unsafe pointer { unsafe Self.end(old) }
    unsafe pointer = nil
  }

  private static func end(_ pointer: UnsafeMutablePointer<Value>) {
    // SAFETY: the box's own value, which is not used again.
    unsafe pointer.deinitialize(count: 1)
    unsafe pointer.deallocate()
  }
}
