extension Driver {
  /// A thread to wake: it waits in a read, and there is something for it.
  public struct WokenThread: Hashable, Sendable {
    /// Whose.
    public let process: DriverProcessID
    /// The thread, as `read` takes it.
    public let thread: DriverThreadID
    /// The number that it was named by.
    public let tid: Int32
  }

  /// A descriptor number to close in a process.
  public struct ClosedDescriptor: Hashable, Sendable {
    /// Whose.
    public let process: DriverProcessID
    /// Its number there.
    public let descriptor: Int32
  }

  /// What calls caused outside the driver, in order, until it is drained.
  public struct Effects: Sendable {
    /// Threads whose read returned ``ReadStep/wait`` and should be called again.
    public var woken: [WokenThread] = []
    /// Processes whose readiness for `poll` may have changed.
    public var readiness: [DriverProcessID] = []
    /// Files that will not be delivered: whoever made the token closes it.
    public var closedFiles: [FileToken] = []
    /// Descriptors that went with a freed buffer.
    public var closedDescriptors: [ClosedDescriptor] = []
    /// A process that is being frozen has no transaction outstanding any more.
    public var freezeProgress = false
    /// Opens that ended.
    public var died: [DriverProcessID] = []
    /// What happened to buffers; none unless the options ask for it.
    public var buffers: [BufferEvent] = []

    /// None.
    public init() {}

    /// Whether there is nothing to do.
    public var isEmpty: Bool {
      woken.isEmpty && readiness.isEmpty && closedFiles.isEmpty && closedDescriptors.isEmpty
        && !freezeProgress && died.isEmpty && buffers.isEmpty
    }

    /// Forgets everything and keeps the room.
    public mutating func removeAll() {
      woken.removeAll(keepingCapacity: true)
      readiness.removeAll(keepingCapacity: true)
      closedFiles.removeAll(keepingCapacity: true)
      closedDescriptors.removeAll(keepingCapacity: true)
      died.removeAll(keepingCapacity: true)
      buffers.removeAll(keepingCapacity: true)
      freezeProgress = false
    }
  }
}
