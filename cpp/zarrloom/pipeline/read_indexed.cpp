#include "zarrloom/pipeline/read_wanted.h"
#include "zarrloom/pipeline/transfer.h"
#include "zarrloom/pipeline/transfer_check.h"

namespace zarrloom {

void read_indexed(Runtime& runtime, const Dataset& dataset, const IndexSelection& selection,
                  const ArrayView& out, const CallOptions& options) {
  check_memory(dataset, selection.shape(), out);
  read_wanted(runtime, dataset, wanted_by(dataset, selection, out), options);
}

void start_read_indexed(std::shared_ptr<Runtime> runtime, std::shared_ptr<const Dataset> dataset,
                        const IndexSelection& selection, const ArrayView& out,
                        const CallOptions& options, TransferDone done) {
  check_memory(*dataset, selection.shape(), out);
  auto wanted = wanted_by(*dataset, selection, out);
  start_read_wanted(std::move(runtime), std::move(dataset), std::move(wanted), options,
                    std::move(done));
}

void read_selections(Runtime& runtime, const Dataset& dataset, std::span<const ReadPart> parts,
                     const CallOptions& options) {
  read_wanted(runtime, dataset, wanted_by(dataset, parts), options);
}

}  // namespace zarrloom
