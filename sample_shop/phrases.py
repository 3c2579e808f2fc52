"""Sentences in Chinese and English, by what they speak of. ``{thing}`` is the product's kind."""

# by category, in the order of seasons.CATEGORIES
THINGS = {
    "zh": (
        "面霜",
        "鞋子",
        "连衣裙",
        "衬衫",
        "童装",
        "锅",
        "床单",
        "手机",
        "耳机",
        "零食",
        "茶叶",
        "瑜伽垫",
        "背包",
        "猫粮",
        "书",
        "玩具",
    ),
    "en": (
        "face cream",
        "pair of shoes",
        "dress",
        "shirt",
        "children's jacket",
        "pan",
        "bed sheet",
        "phone",
        "headset",
        "snack box",
        "tea",
        "yoga mat",
        "backpack",
        "cat food",
        "book",
        "toy",
    ),
}

# opening of a review, by rating 1..5
OPENINGS = {
    "zh": (
        ("太失望了。", "差评！", "再也不会买了。", "体验非常糟糕。", "一星都嫌多。"),
        ("不太满意。", "有点失望。", "这次购物不愉快。", "不值这个价。"),
        ("一般般。", "还可以吧。", "中规中矩。", "说不上好也说不上坏。"),
        ("挺好的。", "比较满意。", "总体不错。", "{thing}不错。"),
        ("非常满意！", "强烈推荐！", "{thing}太棒了！", "超出预期！", "五星好评。"),
    ),
    "en": (
        ("Very disappointed.", "Never again.", "Terrible experience.", "One star is too much.", "Avoid."),
        ("Not happy.", "A let-down.", "Not worth the money.", "I expected better."),
        ("It is okay.", "So-so.", "Average.", "Neither good nor bad."),
        ("Good overall.", "Quite happy.", "Nice {thing}.", "A solid buy."),
        ("Love it!", "Excellent {thing}!", "Highly recommended.", "Better than expected.", "Five stars."),
    ),
}

# what happened, by event
HAPPENED = {
    "zh": {
        "late": (
            "快递比预计晚了好多天。",
            "等了一个多星期才到。",
            "物流太慢了，一直不更新。",
            "送得太晚，错过了要用的日子。",
        ),
        "out_of_stock": (
            "下单后才说缺货。",
            "有一件没货，只发了一部分。",
            "付了款却告诉我没库存，要等补货。",
        ),
        "defect": (
            "{thing}收到就是坏的。",
            "质量有问题，做工粗糙。",
            "发错货了，和图片不一样。",
            "用了一天{thing}就坏了。",
        ),
        "unanswered": ("联系客服没人回复。", "投诉了也没有人处理。", "客服消息发了几天都不理人。"),
        "answered": ("客服态度很好，帮忙解决了。", "好在客服处理得及时。"),
        "fine": (
            "物流很快，包装也好。",
            "{thing}质量不错。",
            "和描述一致。",
            "两天就到了，{thing}很好用。",
            "家里人都喜欢。",
        ),
        "plain": ("{thing}没什么特别的。", "{thing}和想象的有点差距。", "就是正常的{thing}。"),
    },
    "en": {
        "late": (
            "The parcel came more than a week late.",
            "Delivery took forever.",
            "Shipping was very slow and tracking never updated.",
            "It arrived too late for the birthday.",
        ),
        "out_of_stock": (
            "They told me it was out of stock after I had paid.",
            "One item was missing, no stock.",
            "Part of the order was back-ordered.",
        ),
        "defect": (
            "The {thing} arrived broken.",
            "Poor quality, badly made.",
            "They sent the wrong item.",
            "The {thing} stopped working after a day.",
        ),
        "unanswered": (
            "Customer service never answered.",
            "I complained and nobody got back to me.",
            "Days of silence from support.",
        ),
        "answered": ("Support was kind and sorted it out.", "At least customer service replied quickly."),
        "fine": (
            "Fast delivery and well packed.",
            "Good quality {thing}.",
            "Exactly as described.",
            "Arrived in two days and the {thing} works well.",
            "The whole family likes it.",
        ),
        "plain": ("The {thing} is nothing special.", "Not quite what I imagined.", "Just a normal {thing}."),
    },
}

# closing of a review: bad (1, 2), middling (3), good (4, 5); an empty one means none
CLOSINGS = {
    "zh": (
        ("", "不会再来了。", "希望商家改进。", "要求退款。"),
        ("", "再看看吧。", "价格便宜一点还行。"),
        ("", "会回购。", "下次还来。", "推荐给朋友了。"),
    ),
    "en": (
        ("", "I will not order again.", "Please do better.", "I want a refund."),
        ("", "We will see.", "Fine for the price."),
        ("", "Will buy again.", "See you next time.", "Told my friends about it."),
    ),
}

# support: the first message of the user, by topic
ASKS = {
    "zh": {
        "question": (
            "请问{thing}什么时候发货？",
            "{thing}有别的颜色吗？",
            "可以开发票吗？",
            "请问怎么用优惠券？",
            "{thing}怎么保养？",
        ),
        "late": (
            "我的快递怎么还没到？",
            "物流好几天没更新了，请帮忙查一下。",
            "说好三天到，现在还没收到{thing}！",
        ),
        "stock_out": (
            "为什么付款了才说没货？",
            "我的订单少了一件，什么时候补发？",
            "缺货为什么不早说？我要投诉。",
        ),
        "defect": (
            "收到的{thing}是坏的，要退货。",
            "{thing}质量太差了，请处理。",
            "你们发错货了！",
            "{thing}用了一次就坏了，我要投诉。",
        ),
        "unwanted": ("别再给我发消息了，再发我就投诉！", "请不要再打扰我，我要投诉。"),
    },
    "en": {
        "question": (
            "When will the {thing} ship?",
            "Is the {thing} available in another colour?",
            "Can I get an invoice?",
            "How do I use my coupon?",
            "How do I care for the {thing}?",
        ),
        "late": (
            "Where is my parcel?",
            "Tracking has not moved for days, please check.",
            "You promised three days and the {thing} is still not here!",
        ),
        "stock_out": (
            "Why tell me it is out of stock after I paid?",
            "One item is missing, when will you send it?",
            "I want to complain: no stock and no warning.",
        ),
        "defect": (
            "The {thing} arrived broken, I want to return it.",
            "The quality is awful, please fix this.",
            "You sent me the wrong item!",
            "The {thing} broke after one use. This is a complaint.",
        ),
        "unwanted": (
            "Stop sending me messages. This is a complaint.",
            "I want to complain: leave me alone with your offers!",
        ),
    },
}

REPLIES = {
    "zh": {
        "question": (
            "您好，48小时内发货哦。",
            "您好，可以的，请在订单页操作。",
            "亲，请看商品详情页的说明。",
        ),
        "late": ("非常抱歉，已经帮您催促快递。", "抱歉让您久等，包裹明天送达，给您补偿一张优惠券。"),
        "stock_out": ("非常抱歉，缺货商品三天内补发。", "抱歉，已为您登记，到货第一时间寄出。"),
        "defect": (
            "非常抱歉，马上为您换货。",
            "抱歉给您带来不便，已为您办理退款。",
            "请发一下照片，我们立刻处理。",
        ),
    },
    "en": {
        "question": (
            "Hello, it ships within 48 hours.",
            "Yes, you can do that on the order page.",
            "Please see the details on the product page.",
        ),
        "late": (
            "We are sorry, we have asked the carrier to hurry.",
            "Sorry for the wait, it arrives tomorrow and we added a coupon.",
        ),
        "stock_out": (
            "We are sorry, the missing item ships within three days.",
            "Apologies, we will send it as soon as it is back.",
        ),
        "defect": (
            "We are very sorry, a replacement is on its way.",
            "Sorry, your refund has been arranged.",
            "Please send a photo, we will handle it at once.",
        ),
    },
}

THANKS = {
    "zh": ("好的，谢谢。", "谢谢，问题解决了。", "知道了，谢谢客服。", "行吧，希望快点。"),
    "en": ("Thank you.", "Thanks, that solved it.", "Okay, thanks for the help.", "Fine, please be quick."),
}

CHASES = {
    "zh": ("有人吗？为什么不回复？", "等了一天了还没人理！", "再不处理我就投诉到平台。", "在吗？？"),
    "en": (
        "Is anybody there?",
        "Still no answer after a day!",
        "I will take this further if nobody replies.",
        "Hello?? Please answer.",
    ),
}
