internal import BinderBuffer

/// A recording as the kernel's ftrace text, like a capture of a device with every release; `replay`
/// reads it back.
///
/// For a refused message the kernel prints no sizes. This text has them, followed by the release of
/// a failed transaction, so that a replay in another region can tell whether it would have fit.
struct FtraceText {
  private let recording: Recording?
  private let names: [Int32: String]

  init(_ recording: Recording?, names: [Int32: String]) {
    self.recording = recording
    self.names = names
  }

  func write(to file: borrowing OutputFile) throws(CommandError) {
    var out = TextBuffer()
    try out.add(
      """
      # tracer: nop
      #
      # written by bindersim \(Dispatcher.version), with every release:
      # replay with --frees recorded, so that leaks stay leaks

      """, to: file)
    if let leftOut = recording?.log?.leftOut, leftOut > 0 {
      try out.add("# the last \(leftOut) events are left out\n", to: file)
    }
    var sent: [UInt32: SentBuffer] = [:]
    // Refused messages have no number; these are far above those of buffers.
    var nextRefused = UInt32(Int32.max)
    for event in recording?.log?.inOrder ?? [] {
      switch event.step {
      case .sent(let buffer):
        sent[buffer.id] = buffer
        try out.add(transaction(event, buffer), to: file)
      case .received(let id) where sent[id] != nil:
        let number = sent[id]?.number ?? id
        try out.add(line(event, "binder_transaction_received: transaction=\(number)"), to: file)
      case .freed(let id):
        guard let buffer = sent.removeValue(forKey: id) else { continue }
        try out.add(
          line(event, "binder_transaction_buffer_release: \(sizes(buffer))"), to: file)
      case .failed(var buffer, _):
        if buffer.origin == nil {
          buffer.id = nextRefused
          nextRefused -= 1
        }
        try out.add(
          transaction(event, buffer)
            + line(event, "binder_transaction_failed_buffer_release: \(sizes(buffer))"),
          to: file)
      case .received: continue
      }
    }
    try out.flush(to: file)
  }

  private func transaction(_ event: EngineEvent, _ buffer: SentBuffer) -> String {
    let (isReply, isOneway) = (buffer.kind == .reply, buffer.kind == .oneway)
    // Runs count nodes from 0, captures from 1.
    let node = isReply ? 0 : buffer.origin == nil ? buffer.node + 1 : buffer.node
    return line(
      event,
      """
      binder_transaction: transaction=\(buffer.number) dest_node=\(node) \
      dest_proc=\(RegionKey(number: buffer.receiver).pid) dest_thread=\(buffer.awaitedBy) reply=\(isReply ? 1 : 0) \
      flags=0x\(isOneway ? "11" : "10") code=0x\(String(buffer.code, radix: 16))
      """) + line(event, "binder_transaction_alloc_buf: \(sizes(buffer))")
  }

  private func sizes(_ buffer: SentBuffer) -> String {
    "transaction=\(buffer.number) data_size=\(buffer.dataSize) offsets_size=\(buffer.offsetsSize) "
      + "extra_buffers_size=\(buffer.extraSize)"
  }

  private func line(_ event: EngineEvent, _ text: String) -> String {
    let process = RegionKey(number: event.process).pid
    let task =
      "\(names[process] ?? "bindersim")-\(event.thread == event.process ? process : event.thread)"
    let micros = String(event.time / 1000 % 1_000_000)
    let zeros = String(repeating: "0", count: 6 - micros.count)
    return "\(right(task, 22)) (\(right("\(process)", 5))) [000] ..... "
      + "\(right("\(event.time / 1_000_000_000)", 5)).\(zeros)\(micros): \(text)\n"
  }

  private func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }
}
