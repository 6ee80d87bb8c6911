#include "kitsu/impl.hpp"

#include <weir/http/download_file.hpp>

namespace weir::kitsu {
namespace {

task<download_outcome> download_to(std::shared_ptr<client::impl> self, path where, files::root to, std::string name,
                                   download_options options) {
  ++self->calls_made;
  const client::impl::order what{
      .where = std::move(where), .parameters = std::move(options.parameters), .accept = "*/*", .transfer = true};
  for (bool renewed = false;;) {
    unsigned used = 0;
    failed_call refused;
    {
      const permit mine = co_await self->transfers.acquire();
      used = self->generation;
      http::client_request ask = self->request(what);
      http::download_options how;
      how.max_bytes = options.max_bytes;
      how.on_progress = options.on_progress;
      try {
        http::file_download got =
            co_await http::download_file(self->web, std::move(ask), to, name, options.publish, how);
        co_return download_outcome{.file = std::move(got.file),
                                   .content_type = std::move(got.download.content_type),
                                   .attempts = got.download.attempts};
      } catch (const http::status_error& answer) {
        refused = classify(refusal{.method = what.method, .path = what.where.text(), .status = answer.status()});
      } catch (const http::transport_error& problem) {
        throw request_error(classify(problem, what.method, what.where.text()));
      }
    }
    if (refused.why != failure::not_authenticated || renewed || !co_await self->renew(used))
      throw request_error(std::move(refused));
    renewed = true;
  }
}

} // namespace

task<download_outcome> client::download(path where, files::root to, std::string name, download_options options) {
  return download_to(impl_, std::move(where), std::move(to), std::move(name), std::move(options));
}

} // namespace weir::kitsu
