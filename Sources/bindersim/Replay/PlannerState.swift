extension ReplayPlanner {
  struct ThreadState {
    var id: Int32
    /// Zero while unknown.
    var process: Int32
    var isNamed = false
    var pending: Pending?
    /// Requests sent and not answered, innermost last.
    var calls: [Call] = []
    /// Oneway buffers received, to be freed when the thread does the next thing.
    var held: [Int] = []

    init(id: Int32, process: Int32) {
      self.id = id
      self.process = process
    }
  }

  struct Call {
    var id: UInt32
    var process: Int32
    var context: BinderContext
  }

  /// A transaction whose sizes are yet to come.
  struct Pending {
    var id: UInt32
    var kind: PlannedBuffer.Kind
    var process: Int32
    var context: BinderContext
    var node: Int32
    /// Of a reply: the thread that awaits it.
    var awaitedBy: Int32
    var code: UInt32
    /// For a reply: the id of the request.
    var request: UInt32?
    var line: Int
    var nanoseconds: UInt64
    /// Somebody received it, so it had a buffer.
    var wasReceived = false
  }

  struct BufferState {
    var planned: PlannedBuffer
    var isReleaseRecorded: Bool
    var receivedLine: Int?
    var receiverThread: Int32?
    /// Where its receiver had gone on without releasing it.
    var wentOnLine: Int?
    /// The thread in whose `held` it is.
    var holder: Int?
    /// False when a younger buffer took over its id.
    var isNamed = true

    var kind: PlannedBuffer.Kind { planned.kind }

    /// What it was sent to: the process and its node.
    var target: UInt64 {
      UInt64(UInt32(bitPattern: planned.destination)) << 32
        | UInt64(UInt32(bitPattern: planned.node))
    }
  }
}
