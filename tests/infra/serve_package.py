"""Start an unpacked package on a free port and print its address, a token and the import's time.

Run by `python -I -S`, so that nothing but the standard library and the package can be imported. A
package has no `scim/cli` (.funcignore): the checkout lends its stand-in for the Functions host, one
file that imports nothing of ours. So what is tested is the package's code and its dependencies,
where `python -m scim serve` would start the checkout's.

    python -I -S serve_package.py FOLDER HOST.py
"""

import asyncio
import importlib.util
import json
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any


async def main(folder: Path, host_file: Path) -> None:
    """Serve until the process is ended."""
    sys.path[:0] = [str(folder), str(folder / ".python_packages/lib/site-packages")]
    began = time.perf_counter()
    import function_app

    seconds = time.perf_counter() - began
    from aiohttp import web

    from scim import credentials, ids
    from scim.directory import Directory
    from scim.presets import preset

    rules = preset("default")
    ruled = {each: getattr(rules, each) for each in type(rules).model_fields}
    now = datetime.now(UTC)
    directory = Directory.model_validate(
        {
            **ruled,
            "id": "directory1",
            "name": "contoso",
            "preset": "default",
            "created": ids.timestamp(now),
        }
    )
    service = function_app.service
    await service.storage.registry.add_directory(directory)
    pepper = service.settings.pepper.get_secret_value()
    token, record = credentials.issue(
        "directory1", pepper=pepper, now=now, lifetime=timedelta(days=1)
    )
    await service.storage.registry.add_credential(record)

    found: Any = importlib.util.spec_from_file_location("stand_in_host", host_file)
    host = importlib.util.module_from_spec(found)
    sys.modules["stand_in_host"] = host
    found.loader.exec_module(host)
    runner = web.AppRunner(host.application(function_app.app))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    origins = sorted({str(Path(str(each.__file__)).parent) for each in (function_app, web, ids)})
    told = {"port": port, "token": token, "seconds": seconds, "origins": origins}
    print(json.dumps(told), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
