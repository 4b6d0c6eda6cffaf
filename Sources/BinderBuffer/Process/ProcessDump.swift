internal import PageAlloc

extension BinderProcess {
  /// The process as text, in the layout of its driver's debug files.
  ///
  /// The C driver's layout for the policies that search as it does, the Rust driver's for the others. Counts that the
  /// engine does not keep (threads, references) are left out.
  public func debugDump() -> String {
    let statistics = statistics
    let buffers = buffers()
    return statistics.policy?.search == .c
      ? cDump(statistics, buffers) : rustDump(statistics, buffers)
  }

  private func cDump(_ counts: ProcessStatistics, _ buffers: [BufferDescription]) -> String {
    var lines = [
      "proc \(pid)",
      "context binder",
      "  free async space \(counts.freeOnewaySpace)",
      "  nodes: \(counts.nodeCount)",
      "  buffers: \(counts.bufferCount)",
      "  pages: \(counts.pagesInUse):\(counts.pagesAvailable):\(counts.pagesFree)",
      "  pages high watermark: \(counts.pageHighWatermark)",
      "  pending transactions: \(counts.pendingTransactions)",
    ]
    for buffer in buffers {
      let sizes = "\(buffer.dataSize):\(buffer.offsetsSize):\(buffer.extraSize)"
      let state = buffer.state == .delivered ? "delivered" : "active"
      lines.append(
        "  buffer \(buffer.debugID): \(hexadecimal(buffer.offset)) size \(sizes) \(state)")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func rustDump(_ counts: ProcessStatistics, _ buffers: [BufferDescription]) -> String {
    var lines = [
      "proc \(pid)",
      "context binder",
      "  free oneway space: \(counts.freeOnewaySpace)",
      "  nodes: \(counts.nodeCount)",
      "  buffers: \(counts.bufferCount)",
      "  pages: \(counts.pagesInUse):\(counts.pagesAvailable):\(counts.pagesFree)",
      "  outstanding transactions: \(counts.pendingTransactions)",
    ]
    for buffer in buffers {
      let oneway = buffer.isOneway ? " oneway" : ""
      let state = buffer.state == .beingFilled ? "reserved" : "allocated"
      lines.append(
        "  buffer: \(buffer.offset) size \(buffer.size) pid \(buffer.senderPID)\(oneway) \(state)")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func hexadecimal(_ value: Int) -> String { String(value, radix: 16) }

  /// The two lines that the C driver logs when a buffer of `size` bytes finds no room.
  ///
  /// - Complexity: O(ranges): ask for it after a failure, not on the way.
  public func exhaustionLog(requested size: Int) -> String {
    core.exhaustionLog(size)
  }
}

extension ProcessCore {
  fileprivate func exhaustionLog(_ size: Int) -> String {
    var allocated = (bytes: 0, count: 0, largest: 0)
    var free = (bytes: 0, count: 0, largest: 0)
    lock.lock()
    if let region = unsafe state.pointee.region {
      unsafe region.pointee.ranges.forEachRange { range in
        if range.state == .free {
          free = (free.bytes + range.size, free.count + 1, max(free.largest, range.size))
        } else {
          allocated = (
            allocated.bytes + range.size, allocated.count + 1, max(allocated.largest, range.size)
          )
        }
      }
    }
    lock.unlock()
    return """
      \(pid): binder_alloc_buf size \(size) failed, no address space
      allocated: \(allocated.bytes) (num: \(allocated.count) largest: \(allocated.largest)), \
      free: \(free.bytes) (num: \(free.count) largest: \(free.largest))
      """
  }
}
